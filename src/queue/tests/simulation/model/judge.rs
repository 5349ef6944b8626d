//! How one task must have ended.

use super::budget::within_budget;
use super::timing::{never_early, never_late, never_twice};
use crate::load::{Asked, Load};
use crate::support::{Began, Sim};
use crate::{listed, workflows};
use handoff_queue::{CLOCK_SLACK_MS, Run, RunState};

/// Checks that a final task ended as it had to.
pub(super) fn judge(sim: &Sim, load: &Load, asked: &Asked) -> Result<(), String> {
    let seen = asked.seen.borrow();
    let run = seen.as_ref().ok_or("it is not final")?;
    let began = sim.began(&asked.name);
    if asked.steps > 0 {
        workflows::judge(sim, load, asked, run)?;
        confirmed(asked, run)?;
        let faults = sim.world.faults.happened.get();
        return within_budget(sim, load, asked, &began, faults);
    }
    ended_rightly(load, asked, run, &began)?;
    if asked.listed.get() && !listed::has_failed(asked) {
        return Err(format!("it was listed as failed: {run:?}"));
    }
    // A member of a workflow that was retried by itself may have the name of one that was retried
    // with its workflow.
    if !workflows::is_member(&asked.name) {
        never_early(sim, asked, &began)?;
        never_late(sim, asked, &began)?;
        never_twice(sim, &began)?;
    }
    followed(sim, asked)?;
    let faults = sim.world.faults.happened.get();
    let lost = |error: &str| error.starts_with("the worker was lost");
    let explained = faults > 0 || sim.panicked() || !asked.args["traps"].is_null();
    if run.errors.iter().any(|e| lost(&e.error)) && !explained {
        return Err(format!("nothing failed, and it lost an attempt: {run:?}"));
    }
    within_budget(sim, load, asked, &began, faults)
}

/// Checks that a task's follow-up ran, once.
fn followed(sim: &Sim, asked: &Asked) -> Result<(), String> {
    let Some(name) = &asked.follow else {
        return Ok(());
    };
    let began = sim.began(name);
    if began.is_empty() {
        return Err("nothing followed its end".to_owned());
    }
    // Its enqueuer may have died before the outcome, and no owner came while its key lived.
    let first_ms = asked.not_before_ms.unwrap_or(0).max(asked.asked_ms);
    let late = |b: &Began| b.at_ms + CLOCK_SLACK_MS > first_ms + asked.retention_ms;
    if sim.world.faults.happened.get() > 0 && began.last().is_some_and(late) {
        return Ok(());
    }
    never_twice(sim, &began).map_err(|e| format!("what follows its end: {e}"))
}

fn ended_rightly(load: &Load, asked: &Asked, run: &Run, began: &[Began]) -> Result<(), String> {
    let ended_well = match &run.state {
        RunState::Succeeded { result, .. } => {
            let expected = match asked.args["echo"].as_str() {
                Some(field) => &asked.args[field],
                None => &asked.args["then"],
            };
            let unique = !asked.args["unique"].is_null();
            (unique || result == expected) && asked.args["fatal"].is_null()
        }
        RunState::Failed { .. } => {
            let last = run.errors.last().map(|e| e.error.as_str());
            last == asked.args["fatal"].as_str() || run.errors.len() == asked.attempts as usize
        }
        RunState::Cancelled => asked.cancel_ms.get().is_some() || load.purges(),
        // A run before the expiry leaves a record, unless its instance was lost.
        RunState::Expired { ended_ms } => {
            asked.expires_ms.is_some_and(|at_ms| *ended_ms > at_ms)
                && began.iter().all(|b| b.instance.hit_ms() >= b.at_ms)
        }
        _ => false,
    };
    if !ended_well {
        return Err(format!("it ended wrongly: {run:?}"));
    }
    confirmed(asked, run)?;
    let numbers: Vec<_> = run.errors.iter().map(|e| e.attempt).collect();
    if numbers != (1..=numbers.len() as u32).collect::<Vec<_>>() {
        return Err(format!("its attempts are numbered {numbers:?}"));
    }
    Ok(())
}

fn confirmed(asked: &Asked, run: &Run) -> Result<(), String> {
    if asked.cancelled.get() && !matches!(run.state, RunState::Cancelled) {
        return Err(format!(
            "cancelling it was confirmed, and it ended as {run:?}"
        ));
    }
    Ok(())
}
