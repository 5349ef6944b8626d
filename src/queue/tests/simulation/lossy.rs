//! A store that loses its last writes: a Redis that syncs once in a second and crashed, or a replica
//! that took over without them. What was acknowledged in that time may be gone, a task that ran then
//! may run again and end otherwise, and a workflow that enqueued its step then may wait for ever.
//! What had ended before stays as it is, what was acknowledged before ends, and what comes later is
//! as right as ever, unless it gets a lost task's slot: what is left of that one acts on it.
//!
//! `HANDOFF_SEEDS` chooses as many seeds as for random faults, and a tenth of them is tried.

use super::load::{Asked, Load};
use super::model::{Wrong, glance, never_twice};
use super::random::try_seeds;
use super::workflows::is_member;
use crate::support::{Sim, parts};
use futures::FutureExt;
use handoff_queue::memory::MemoryStore;
use handoff_queue::{RETENTION_MIN_MS, Store, TaskStatus};
use std::collections::BTreeSet;
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;
/// Longer than instances that know what is lost go on. Retention comes to a task when those before
/// it are deleted.
const RETENTION_MS: u64 = 2 * RETENTION_MIN_MS;
/// How long instances that know what the store has lost go on: longer than a worker's budget, a
/// task and a lease.
const SETTLE_MS: u64 = 3 * MINUTE_MS;
/// How long everything may take to end: retention looks at what nobody else saw.
const END_MS: u64 = 4 * RETENTION_MS;

#[test]
fn whatever_the_store_loses_nothing_else_is_lost_and_all_goes_on() {
    try_seeds(10, simulate);
}

/// What a store holds at one moment.
struct Snapshot(Vec<(String, Vec<u8>)>);

impl Snapshot {
    fn of(store: &MemoryStore) -> Self {
        let value = |key: &String| {
            let value = store.get(key).now_or_never();
            let value = value.expect("it answers at once").unwrap();
            value.expect("its own key")
        };
        let keys = store.keys().into_iter();
        Self(keys.map(|key| (key.clone(), value(&key))).collect())
    }

    fn restore(&self, store: &MemoryStore) {
        let delete = store.delete_many(&store.keys()).now_or_never();
        delete.expect("it answers at once").unwrap();
        let set = store.set_many(&self.0).now_or_never();
        set.expect("it answers at once").unwrap();
    }
}

fn simulate(sim: &Sim, load: &Rc<Load>) -> Result<(), Wrong> {
    load.retention_ms.set(RETENTION_MS);
    let world = &sim.world;
    let pick = |choices: &[u64]| choices[world.below(choices.len() as u64) as usize];
    world.appends.set(world.chance(500));
    world.faults.yields.set(pick(&[500, 2_000]));
    world.faults.slow.set(pick(&[0, 500]));
    world.faults.kills.set(pick(&[0, 0, 10]));
    world.faults.fails.set(pick(&[0, 0, 50]));
    let pause_ms = pick(&[30, 300, 2_500]);
    ask(sim, load, 2_000 + world.below(20_000), pause_ms);

    let kept = Snapshot::of(&world.store);
    let mut old = load.asked();
    look(sim, &old)?;
    let final_before: Vec<_> = old
        .extract_if(.., |asked| asked.seen.borrow().is_some())
        .collect();
    old.retain(|asked| asked.steps == 0);
    ask(sim, load, pick(&[50, 1_000, 3_000]), pause_ms);
    let written = slots(&world.store.keys());
    kept.restore(&world.store);
    let lost = &written - &slots(&world.store.keys());
    // Some instances know of what is gone, others come anew.
    ask(sim, load, SETTLE_MS, MINUTE_MS);
    world.faults.off();
    same_tasks(sim, load)?;

    let known = load.asked().len();
    ask(sim, load, 10_000, pause_ms);
    load.schedules.stop(sim);
    let new = load.asked().split_off(known);
    ends(sim, load, &old, &new)?;
    look(sim, &final_before)?;
    same_tasks(sim, load)?;
    // A retry of a workflow's member has the name of another one's.
    let single = |asked: &&Rc<Asked>| asked.steps == 0 && !is_member(&asked.name);
    let own_slot = |asked: &&Rc<Asked>| !lost.contains(&asked.id.slot());
    for asked in new.iter().filter(single).filter(own_slot) {
        let began = sim.began(&asked.name);
        never_twice(sim, &began).map_err(|what| (Some(asked.clone()), what))?;
    }
    Ok(())
}

/// The slots that are written.
fn slots(keys: &[String]) -> BTreeSet<u64> {
    let written = keys.iter().map(|key| parts(key));
    written
        .filter(|(kind, _)| *kind == "s")
        .filter_map(|(_, number)| number)
        .collect()
}

/// Lets clients ask for so long, with a tick now and then.
fn ask(sim: &Sim, load: &Rc<Load>, ms: u64, pause_ms: u64) {
    let end_ms = sim.now_ms() + ms;
    while sim.now_ms() < end_ms {
        if load.asked().len() < 100 {
            load.step(sim);
        }
        let left_ms = end_ms - sim.now_ms();
        sim.run_for((1 + sim.world.below(pause_ms)).min(left_ms));
        if sim.world.chance(200) {
            sim.tick();
        }
    }
}

fn look(sim: &Sim, tasks: &[Rc<Asked>]) -> Result<(), Wrong> {
    glance(&sim.watcher(), tasks, sim.now_ms())
}

/// An id stands for its own task, or for none.
fn same_tasks(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let queue = sim.watcher();
    for asked in load.asked() {
        let view = queue.view(&asked.id).now_or_never();
        let view = view.expect("no fault reaches it").unwrap();
        let args = view.map(|view| crate::support::value(&view.task.args));
        if args.is_some_and(|args| args != asked.args) {
            return Err((Some(asked), "its id stands for another task".to_owned()));
        }
    }
    Ok(())
}

fn ends(sim: &Sim, load: &Load, old: &[Rc<Asked>], new: &[Rc<Asked>]) -> Result<(), Wrong> {
    let end_ms = load.last_due_ms().max(sim.now_ms()) + END_MS;
    loop {
        load.resume(sim);
        sim.run_with_ticks(20_000, 5_000);
        look(sim, new)?;
        for asked in old {
            let lost = || (Some(asked.clone()), "acknowledged and lost".to_owned());
            match sim.status(&asked.id) {
                // Two of its runs may have ended.
                TaskStatus::Final(run) => *asked.seen.borrow_mut() = Some(*run),
                TaskStatus::Unknown if asked.seen.borrow().is_none() => return Err(lost()),
                TaskStatus::Unknown | TaskStatus::Open => {}
            }
        }
        let mut all = old.iter().chain(new);
        let Some(open) = all.find(|asked| asked.seen.borrow().is_none()) else {
            return Ok(());
        };
        if sim.now_ms() > end_ms {
            return Err((Some(open.clone()), "it does not end".to_owned()));
        }
        sim.run_with_ticks(10 * MINUTE_MS, MINUTE_MS);
    }
}
