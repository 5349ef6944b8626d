//! Store calls per operation, counted and compared with docs/reference/cost.md.

mod claims;
mod extras;
mod failed;
mod keeper;
mod lists;
mod long_tasks;
mod requests;
mod schedules;
mod workflows;

use crate::support::{Line, Sim, task};
use handoff_queue::memory::Calls;
use handoff_queue::{TaskId, TaskSpec};
use serde_json::json;

fn is_read(line: &Line) -> bool {
    matches!(line.operation, "get" | "get_many" | "counter")
}

/// Reads (one for each key) and writes (one for each call) in a recording.
fn count<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Calls {
    let mut calls = Calls::default();
    let mut last = None;
    for line in lines {
        if line.operation.is_empty() {
            continue;
        }
        if is_read(line) {
            calls.reads += 1;
        } else {
            // The keys of one call follow each other.
            let many = line.operation.ends_with("_many");
            let this = (line.at_ms, line.who.as_str(), line.operation);
            if !(many && last == Some(this)) {
                calls.writes += 1;
            }
            last = Some(this);
            continue;
        }
        last = None;
    }
    calls
}

/// Nobody is woken, so that only the measured operation calls the store.
fn alone() -> Sim {
    let sim = Sim::new(7);
    sim.world.faults.wake_fails.set(1_000);
    sim
}

fn tasks(n: usize) -> Vec<TaskSpec> {
    (0..n).map(|i| task(&format!("t{i}"), json!({}))).collect()
}

fn backlog(sim: &Sim, n: usize) -> Vec<TaskId> {
    let batches = (0..n).step_by(1_000);
    batches
        .flat_map(|from| sim.enqueue(tasks((n - from).min(1_000))))
        .collect()
}

fn cost_of(sim: &Sim, work: impl FnOnce(&Sim)) -> Calls {
    sim.world.store.take_calls();
    work(sim);
    sim.world.store.take_calls()
}

/// All calls of all instances in two minutes in which `n` tasks made by `new` run.
fn two_minutes(n: usize, new: impl Fn(&Sim, TaskSpec) -> TaskSpec) -> Calls {
    let sim = Sim::new(3);
    // The keeper's first pass is a long one.
    sim.tick();
    sim.run_for(60_000);
    cost_of(&sim, |sim| {
        let tasks = tasks(n).into_iter().map(|t| new(sim, t));
        let tasks: Vec<_> = tasks.collect();
        let ids: Vec<_> = tasks
            .chunks(1_000)
            .flat_map(|chunk| sim.enqueue(chunk.to_vec()))
            .collect();
        sim.run_for(120_000);
        assert!(sim.alive().is_empty(), "the keeper has seen to everything");
        assert!(!ids.is_empty());
    })
}
