//! A host whose clock is wrong by an hour, or jumps by an hour and back. Little can be promised
//! meanwhile. No acknowledged task is lost, no final state changes, and once the clock is right
//! again everything ends.
//!
//! `HANDOFF_SEEDS` chooses as many seeds as for random faults, and a hundredth of them is tried.

use super::load::Load;
use super::model::{Wrong, glance};
use super::random::try_seeds;
use crate::support::{Sim, WrongClock};
use std::rc::Rc;

const HOUR_MS: u64 = 3_600_000;
/// Longer than any clock is wrong: an hour less would not be noticed.
const RETENTION_MS: u64 = 30 * 24 * HOUR_MS;
/// How long everything may take to end once all clocks are right.
const END_MS: u64 = 30 * HOUR_MS;

#[test]
fn whatever_a_clock_says_nothing_acknowledged_is_lost_and_nothing_final_changes() {
    try_seeds(100, simulate);
}

fn simulate(sim: &Sim, load: &Rc<Load>) -> Result<(), Wrong> {
    load.retention_ms.set(RETENTION_MS);
    let world = &sim.world;
    let pick = |choices: &[u64]| choices[world.below(choices.len() as u64) as usize];
    world.faults.yields.set(pick(&[500, 2_000]));
    world.faults.slow.set(pick(&[0, 500]));
    world.faults.kills.set(pick(&[0, 0, 10]));
    world.faults.fails.set(pick(&[0, 0, 50]));
    // Wrong from the begin, or from later on.
    let from_ms = sim.now_ms() + pick(&[0, 0, 5_000, 20_000]);
    let until_ms = from_ms + pick(&[7_000, 30_000, 120_000]);
    let by_ms = pick(&[HOUR_MS, HOUR_MS, 10_000]) as i64;
    *world.wrong.borrow_mut() = Some(WrongClock {
        by_ms: if world.chance(500) { by_ms } else { -by_ms },
        when: from_ms..until_ms,
    });
    let pause_ms = pick(&[30, 300, 2_500]);
    let end_ms = until_ms.max(sim.now_ms() + 20_000) + 5_000;
    while sim.now_ms() < end_ms {
        if load.asked().len() < 100 {
            load.step(sim);
        }
        sim.run_for(1 + world.below(pause_ms));
        look(sim, load)?;
        if world.chance(200) {
            sim.tick();
        }
    }
    world.faults.off();
    load.schedules.stop(sim);
    ends(sim, load)
}

fn ends(sim: &Sim, load: &Rc<Load>) -> Result<(), Wrong> {
    let end_ms = load.last_due_ms().max(sim.now_ms()) + END_MS;
    loop {
        load.resume(sim);
        sim.run_with_ticks(20_000, 5_000);
        look(sim, load)?;
        let open = load.open();
        if open.is_empty() {
            break;
        }
        if sim.now_ms() > end_ms {
            return Err((open.first().cloned(), "it does not end".to_owned()));
        }
        sim.run_with_ticks(10 * 60_000, 5 * 60_000);
    }
    sim.run_with_ticks(HOUR_MS + 600_000, 60_000);
    look(sim, load)
}

fn look(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    glance(&sim.watcher(), &load.asked(), sim.now_ms())
}
