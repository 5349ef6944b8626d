//! Faults at random. First they are on, for a while or for hours. Then they are off, and every
//! acknowledged task must end, once and rightly. Then everything must go after its retention.
//!
//! `HANDOFF_SEEDS=a..b` runs other seeds than 1 to 300. Several ranges have a comma between them.
//! Of a seed that fails the task's history is printed.

use super::history::history;
use super::load::{Load, Mix};
use super::model::{Wrong, end, retire, watch};
use super::parallel::{failures, told};
use crate::support::{START_MS, Sim};
use handoff_queue::{CLOCK_SLACK_MS, KeyLimits, Limits, RETENTION_MIN_MS, Rate, WorkerLimits};
use std::ops::Range;
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;
/// How often every open task is checked, in virtual time.
const WATCH_MS: u64 = 1_000;
/// More tasks would only make a run longer.
const TASKS_MAX: usize = 150;
/// After so long without a fault, every occurrence of a schedule has its task.
const CALM_MS: u64 = 20_000;

fn seeds() -> Vec<Range<u64>> {
    let text = std::env::var("HANDOFF_SEEDS").unwrap_or_else(|_| "1..301".to_owned());
    let range = |part: &str| {
        let (from, to) = part.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    };
    let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
    ranges.expect("HANDOFF_SEEDS is written 1..301 or 1..301,5000..5100")
}

#[test]
fn whatever_dies_nothing_acknowledged_is_lost_and_nothing_final_changes() {
    try_seeds(1, simulate);
}

/// Tries every `step`th of the chosen seeds in this way, and fails if one does.
pub(crate) fn try_seeds(
    step: usize,
    simulate: impl Fn(&Sim, &Rc<Load>) -> Result<(), Wrong> + Sync,
) {
    let seeds: Vec<u64> = seeds().into_iter().flatten().step_by(step).collect();
    let tried =
        |seed: &u64| told(|| run_with(*seed, &simulate)).map_err(|e| format!("seed {seed}: {e}"));
    let failed = failures(&seeds, 20, || {}, tried);
    for failure in &failed {
        println!("{failure}");
    }
    println!("{} schedules, {} failed", seeds.len(), failed.len());
    assert!(
        failed.is_empty(),
        "see above; `cargo xtask sim --seed N` replays one"
    );
}

/// Runs a seed.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    run_with(seed, simulate)
}

/// Runs a seed in this way. If it fails, it runs again with a recording.
fn run_with(
    seed: u64,
    simulate: impl Fn(&Sim, &Rc<Load>) -> Result<(), Wrong>,
) -> Result<(), String> {
    let once = |record| {
        let sim = Sim::new_at(seed, start_ms(seed));
        if record {
            sim.record();
        }
        let load = Load::new(Mix::of(&sim));
        sim.world.queue_limits.set(limits(seed));
        simulate(&sim, &load).map_err(|wrong| tell(&sim, wrong))
    };
    once(false).or_else(|_| once(true))
}

/// Every fourth seed has limits.
fn limits(seed: u64) -> Limits {
    let rate = |count, period_s| Some(Rate { count, period_s });
    let of = |number: u64| seed / number;
    if !seed.is_multiple_of(4) {
        return Limits::default();
    }
    Limits {
        concurrency: [None, Some(1), Some(2), Some(5)][(of(4) % 4) as usize],
        rate: [None, rate(3, 1), rate(20, 1), rate(50, 60)][(of(16) % 4) as usize],
        per_key: KeyLimits {
            concurrency: [None, Some(1), Some(1), Some(2)][(of(12) % 4) as usize],
            rate: [None, None, None, rate(20, 60)][(of(52) % 4) as usize],
        },
    }
}

/// Some seeds begin shortly before a window, a minute, an hour or a day.
fn start_ms(seed: u64) -> u64 {
    const DAY_MS: u64 = 1_440 * MINUTE_MS;
    let midnight_ms = START_MS - START_MS % DAY_MS + DAY_MS;
    let before_ms = 20_000 + seed % 7 * 1_000;
    match seed % 5 {
        0 => midnight_ms - before_ms,
        1 => midnight_ms - 3 * 60 * MINUTE_MS - before_ms,
        _ => START_MS,
    }
}

pub(crate) fn tell(sim: &Sim, (asked, what): Wrong) -> String {
    let lines = sim.record();
    let logs = sim.world.logs.borrow();
    let last: Vec<_> = logs.iter().rev().take(5).collect();
    let history = history(&lines, asked.as_deref(), &what);
    format!("{what}\n{asked:?}\n{history}\nlast logs: {last:#?}")
}

fn simulate(sim: &Sim, load: &Rc<Load>) -> Result<(), Wrong> {
    let world = &sim.world;
    let pick = |choices: &[u64]| choices[world.below(choices.len() as u64) as usize];
    world.appends.set(world.chance(500));
    let faults = &world.faults;
    // Without faults nothing may need a tick either.
    let calm = world.chance(120);
    faults.yields.set(pick(&[500, 2_000, 2_000, 5_000]));
    faults.slow.set(pick(&[0, 500, 2_000]));
    faults.skew_ms.set(pick(&[0, CLOCK_SLACK_MS - 1]));
    if !calm {
        faults.kills.set(pick(&[0, 2, 10, 40]));
        faults.fails.set(pick(&[0, 10, 50, 300]));
        faults.late_ms.set(pick(&[0, 0, 1_000, 60_000]));
        faults.stalls.set(pick(&[0, 0, 2, 10]));
        faults.stall_ms.set(pick(&[3_000, 12_000, 70_000, 600_000]));
        faults.wake_fails.set(pick(&[0, 0, 100]));
    }
    world.limits.set(WorkerLimits {
        budget_ms: pick(&[3_000, 10_000, 25_000]),
        batch_max: pick(&[4, 64]),
        in_progress_max: pick(&[3, 256]) as usize,
        ..WorkerLimits::default()
    });

    let pause_ms = pick(&[30, 300, 2_500]);
    let end_ms = sim.now_ms() + 5_000 + world.below(35_000);
    asked_until(sim, load, end_ms, pause_ms, !calm)?;
    if world.chance(100) {
        // Retention deletes while other tasks still run.
        load.schedules.stop(sim);
        let end_ms = sim.now_ms() + RETENTION_MIN_MS + world.below(RETENTION_MIN_MS);
        asked_until(sim, load, end_ms, 6 * MINUTE_MS, !calm)?;
    }
    faults.off();
    load.schedules.finish(sim, !calm, sim.now_ms() + CALM_MS)?;
    end(sim, load, !calm)?;

    faults.kills.set(if calm { 0 } else { 30 });
    faults.fails.set(if calm { 0 } else { 100 });
    sim.run_with_ticks(RETENTION_MIN_MS + 15 * MINUTE_MS, 5 * MINUTE_MS);
    sim.run_with_ticks(MINUTE_MS, 5_000);
    faults.off();
    load.resume(sim);
    retire(sim, load)?;
    loses_nothing(sim)
}

/// Checks that no keeper takes a store for one that loses writes.
fn loses_nothing(sim: &Sim) -> Result<(), Wrong> {
    let logs = sim.world.logs.borrow();
    match logs
        .iter()
        .find(|line| line.contains("lost its last writes"))
    {
        Some(line) => Err((None, line.clone())),
        None => Ok(()),
    }
}

fn asked_until(
    sim: &Sim,
    load: &Rc<Load>,
    end_ms: u64,
    pause_ms: u64,
    ticks: bool,
) -> Result<(), Wrong> {
    let mut watched_ms = 0;
    while sim.now_ms() < end_ms {
        if load.asked().len() < TASKS_MAX {
            load.step(sim);
        }
        sim.run_for(1 + sim.world.below(pause_ms));
        if sim.now_ms() >= watched_ms + WATCH_MS {
            watched_ms = sim.now_ms();
            watch(sim, load)?;
        }
        if ticks && sim.world.chance(200) {
            sim.tick();
        }
    }
    Ok(())
}
