//! Schedules: every occurrence gives one task, at its time, or as its policies say.

mod changes;
mod firing;
mod races;

use crate::support::{Sim, SimQueue, task};
use handoff_queue::{
    Missed, Overlap, Put, RETENTION_MIN_MS, Rule, Schedule, ScheduleView, TaskSpec,
};
use serde_json::Value;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn every(name: &str, ms: u64, args: Value) -> Schedule {
    Schedule {
        name: name.to_owned(),
        rule: Rule::Every(ms),
        queue: "test".to_owned(),
        task: TaskSpec {
            retention_ms: RETENTION_MIN_MS,
            ..task(name, args)
        },
        expires_after_ms: None,
        overlap: Overlap::Queue,
        missed: Missed::Latest,
    }
}

/// Puts it as the api component does, and returns how it stands and whether it is new.
fn put(sim: &Sim, schedule: Schedule) -> (ScheduleView, bool) {
    let put = |queue: SimQueue| async move {
        match queue.put_schedule(schedule).await.unwrap() {
            Put::Done {
                created,
                view,
                receipt,
            } => {
                queue.wake_for(&receipt, || 4).await.unwrap();
                (*view, created)
            }
            other => panic!("{other:?}"),
        }
    };
    sim.wait(put)
}

fn look(sim: &Sim, name: &str) -> Option<ScheduleView> {
    let name = name.to_owned();
    sim.wait(|queue| async move { queue.schedule(&name).await.unwrap() })
}

/// When it occurred, in milliseconds after `from_ms`. No occurrence has two tasks.
fn occurred(sim: &Sim, name: &str, from_ms: u64) -> Vec<u64> {
    let occurrences = sim.world.ledger.occurrences(name);
    assert!(occurrences.values().all(|slots| slots.len() == 1));
    let later = occurrences.keys().filter(|at_ms| **at_ms > from_ms);
    later.map(|at_ms| at_ms - from_ms).collect()
}

fn lose_workers(sim: &Sim) {
    sim.alive().iter().for_each(|worker| worker.kill());
}
