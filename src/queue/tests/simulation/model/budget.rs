//! The most store calls for one task.

use crate::load::{Asked, Load};
use crate::support::{Began, Sim};

/// The most store calls about one task, however long the backlog is. They are for the task, each
/// begin, each second of its timeout, each hour of retention, and each fault …
const CALLS: u64 = 40;
const CALLS_PER_RUN: u64 = 20;
const CALLS_PER_SECOND: u64 = 2;
const CALLS_PER_HOUR: u64 = 60;
const CALLS_PER_FAULT: u64 = 20;
/// A task that runs alone is put back about once a second while every worker has others in
/// progress.
const CALLS_PER_SECOND_WAITED: u64 = 10;
/// A task whose earlier run was lost is put back four times at once before that: four claims, and
/// four announcements to delete.
const CALLS_ALONE: u64 = 50;
/// No task runs for longer, whatever its timeout is.
const LONG_MS: u64 = 60_000;
/// … and for each request that finds it by its idempotency key, or reads whether to retry or
/// discard it.
const CALLS_PER_REPEAT: u64 = 20;
/// A workflow looks again after this time.
const PUT_OFF_MS: u64 = 2_000;

pub(super) fn within_budget(
    sim: &Sim,
    load: &Load,
    asked: &Asked,
    began: &[Began],
    faults: u64,
) -> Result<(), String> {
    let calls = sim.world.ledger.calls(asked.id.slot());
    let runs = began.len() as u64;
    let hours = 1 + (sim.now_ms() - asked.asked_ms) / 3_600_000;
    let waited_ms = began.last().map_or(0, |last| {
        let due_ms = asked.not_before_ms.unwrap_or(0).max(asked.asked_ms);
        last.at_ms.saturating_sub(due_ms)
    });
    // A workflow has a turn before each step and one after the last. It has more while ends are
    // counted that are not visible yet.
    let alive_ms = sim.now_ms() - asked.asked_ms;
    let turns = match asked.steps {
        0 => 0,
        steps => steps + 2 + (alive_ms / PUT_OFF_MS).min(30),
    };
    let alone = asked.seen.borrow().as_ref().is_some_and(|run| run.alone);
    let budget = CALLS
        + CALLS_ALONE * u64::from(alone)
        + CALLS_PER_RUN * turns
        + CALLS_PER_SECOND_WAITED * (waited_ms / 1_000).min(60)
        + (CALLS_PER_RUN + CALLS_PER_SECOND * asked.timeout_ms.min(LONG_MS) / 1_000) * runs
        + CALLS_PER_HOUR * hours
        + CALLS_PER_REPEAT * (asked.answers.get() - 1 + load.sweeps(asked))
        + CALLS_PER_FAULT * faults;
    if calls > budget {
        return Err(format!("{calls} store calls are more than {budget}"));
    }
    Ok(())
}
