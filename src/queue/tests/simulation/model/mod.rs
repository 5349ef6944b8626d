//! The checks, without knowledge of the protocol.

mod budget;
mod end;
mod idempotency;
mod judge;
mod retention;
mod timing;

pub(crate) use end::{MISCOUNTED, end};
pub(crate) use retention::{rest, retire};
pub(crate) use timing::never_twice;

use super::load::{Asked, Load};
use super::{counters, listed};
use crate::support::{Sim, SimQueue, parts};
use futures::FutureExt;
use handoff_queue::{CLOCK_SLACK_MS, Run, TaskStatus};
use std::rc::Rc;

/// A failed check, and its task.
pub(crate) type Wrong = (Option<Rc<Asked>>, String);

/// Checks the tasks that are not final yet, and some others.
pub(crate) fn watch(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let mut tasks = load.open();
    let asked = load.asked();
    if !asked.is_empty() {
        let some = (0..4).map(|_| asked[sim.world.below(asked.len() as u64) as usize].clone());
        tasks.extend(some);
    }
    look(sim, load, &tasks)
}

/// Checks that no task is unknown before its retention is over, and that a final task stays as it
/// is.
fn look(sim: &Sim, load: &Load, tasks: &[Rc<Asked>]) -> Result<(), Wrong> {
    if let Some(violation) = sim.world.ledger.violation() {
        let slot = violation.split(' ').next().and_then(|key| parts(key).1);
        return Err((slot.and_then(|slot| load.by_slot(slot)), violation));
    }
    glance(&sim.watcher(), tasks, sim.now_ms())?;
    counters::look(&sim.watcher(), load)?;
    listed::look(sim, load)
}

/// Checks what a client sees at this moment.
pub(crate) fn glance(queue: &SimQueue, tasks: &[Rc<Asked>], now_ms: u64) -> Result<(), Wrong> {
    for asked in tasks.iter().filter(|a| !a.gone.get()) {
        let brief = queue.status(&asked.id).now_or_never();
        let brief = brief.expect("no fault reaches it").unwrap();
        see(asked, brief, now_ms)?;
    }
    Ok(())
}

fn see(asked: &Rc<Asked>, brief: TaskStatus, now_ms: u64) -> Result<(), Wrong> {
    let wrong = |what: &str| Err((Some(asked.clone()), format!("{what}: {brief:?}")));
    let mut seen = asked.seen.borrow_mut();
    match (&brief, seen.as_ref()) {
        (TaskStatus::Unknown, Some(run)) if kept_until_ms(asked, run) <= now_ms => {
            asked.gone.set(true);
        }
        (TaskStatus::Unknown, _) => return wrong("acknowledged and lost"),
        // A stale announcement may make a task look open for a while, before the same end.
        (TaskStatus::Open, _) => {}
        (TaskStatus::Final(run), None) => *seen = Some(Run::clone(run)),
        (TaskStatus::Final(run), Some(before)) if **run != *before => {
            return wrong(&format!("it was final as {before:?}"));
        }
        (TaskStatus::Final(_), Some(_)) => {}
    }
    Ok(())
}

/// Until when a final task must be readable, by the true time: the clock of the keeper that deletes
/// it may be ahead.
fn kept_until_ms(asked: &Asked, run: &Run) -> u64 {
    let ended_ms = run.ended_ms().or(asked.cancel_ms.get()).unwrap_or(0);
    let until_ms = (ended_ms + asked.retention_ms).max(asked.key_until_ms);
    until_ms.saturating_sub(CLOCK_SLACK_MS)
}
