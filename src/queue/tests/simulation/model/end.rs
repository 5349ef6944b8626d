//! Everything ends: every task is final, rightly, and counted.

use super::idempotency::one_task_per_key;
use super::judge::judge;
use super::{Wrong, look, watch};
use crate::load::{Asked, Load};
use crate::support::Sim;
use crate::{limited, listed};
use handoff_queue::{Counts, KeyLimits, Limits, RETENTION_MIN_MS, RunState, TaskStatus};
use std::rc::Rc;

pub(crate) const MISCOUNTED: &str = "were counted of";

/// How long everything may take to end without faults: the leases of lost attempts, one after the
/// other.
const END_MS: u64 = 40 * 60_000;

/// The further time for each slot where a limit holds: a lost run keeps its permit for a while.
const LOST_PERMIT_MS: u64 = 10_000;

/// Checks that everything ends without further faults. Ticks help now and then if there were
/// faults, and never otherwise.
pub(crate) fn end(sim: &Sim, load: &Load, ticks: bool) -> Result<(), Wrong> {
    let due_ms = |a: &Rc<Asked>| a.not_before_ms.unwrap_or(0);
    let limited_ms = sim.world.ledger.slots() * limited_ms(sim.world.queue_limits.get());
    let end_ms = load.last_due_ms().max(sim.now_ms()) + END_MS + limited_ms;
    let settled_ms = sim.now_ms() + RETENTION_MIN_MS / 2;
    // Follow-ups wait in a paused queue, even if all requested tasks have ended.
    load.resume(sim);
    loop {
        let open = load.open();
        if open.is_empty() && sim.now_ms() > load.last_due_ms() {
            break;
        }
        if sim.now_ms() > end_ms {
            return Err((open.first().cloned(), "it does not end".to_owned()));
        }
        // If all wait for a time that is far away, skip to it. What a client that stalled cancels
        // must be seen before its retention is over.
        let skip_max_ms = match sim.now_ms() < settled_ms {
            true => RETENTION_MIN_MS / 2,
            false => 6 * 3_600_000,
        };
        let next_ms = open.iter().map(due_ms).min().unwrap_or(load.last_due_ms());
        let wait_ms = next_ms.saturating_sub(sim.now_ms() + 60_000);
        sim.run_for(wait_ms.clamp(5_000, skip_max_ms));
        if ticks {
            sim.tick();
        }
        // A client that stalled may have paused the queue only now.
        load.resume(sim);
        watch(sim, load)?;
    }
    one_task_per_key(sim, load)?;
    listed::one_task_per_retry(sim)?;
    // Calls that are still on their way must not change anything.
    sim.run_with_ticks(120_000, 5_000);
    look(sim, load, &load.asked())?;
    for asked in load.asked() {
        if !asked.gone.get() && sim.status(&asked.id) == TaskStatus::Open {
            return Err((Some(asked), "it was final and is not".to_owned()));
        }
        judge(sim, load, &asked).map_err(|what| (Some(asked.clone()), what))?;
    }
    limited::judge(sim).map_err(|what| (None, what))?;
    counted(sim, load).map_err(|what| (None, what))
}

/// How long a task may have to wait for each one before it.
fn limited_ms(limits: Limits) -> u64 {
    let KeyLimits { concurrency, rate } = limits.per_key;
    let concurrency = [limits.concurrency, concurrency].into_iter().flatten();
    let rates = [limits.rate, rate].into_iter().flatten();
    let held_ms = concurrency.map(|of| LOST_PERMIT_MS / of).max();
    let apart_ms = rates.map(|rate| rate.period_s * 1_000 / rate.count).max();
    held_ms.unwrap_or(0) + apart_ms.unwrap_or(0)
}

/// Checks that without faults every task was counted once. If clocks differ, two windows have a
/// keeper at the same time, and one task may count for both.
fn counted(sim: &Sim, load: &Load) -> Result<(), String> {
    let asked = load.asked();
    let traps = asked.iter().any(|asked| !asked.args["traps"].is_null());
    if sim.world.faults.happened.get() > 0 || sim.panicked() || traps {
        return Ok(());
    }
    let mut expected = Counts::default();
    for asked in asked {
        expected.succeeded += u64::from(asked.follow.is_some());
        match asked.seen.borrow().as_ref().map(|run| &run.state) {
            Some(RunState::Succeeded { .. }) => expected.succeeded += 1,
            Some(RunState::Failed { .. }) => expected.failed += 1,
            Some(RunState::Cancelled) => expected.cancelled += 1,
            Some(RunState::Expired { .. }) => expected.expired += 1,
            other => return Err(format!("{} is {other:?}", asked.name)),
        }
    }
    let counted = sim.wait(|queue| async move { queue.statistics().await.unwrap().ended });
    if load.retries.get() > 0 || load.schedules.any() || load.has_workflows() {
        // A retry that took too long was not acknowledged, and runs all the same. The tasks of
        // schedules and workflows are not known here.
        return Ok(());
    }
    let twice = sim.world.faults.skew_ms.get() > 0;
    let mut pairs = counted.by_state().into_iter().zip(expected.by_state());
    let is_right =
        |((_, counted), (_, expected))| counted == expected || twice && counted > expected;
    match pairs.all(is_right) {
        true => Ok(()),
        false => Err(format!("{counted:?} {MISCOUNTED} {expected:?}")),
    }
}
