//! The transitions: how an epoch begins after earlier runs, and what an outcome means for the task.
//! Pure functions, without store or clock.

use crate::base::config::{DELAY_MAX_MS, PARTS_MAX, SNOOZES_MAX};
use crate::base::guard::{Guard, enabled};
use crate::base::json::Json;
use crate::model::delivery::{Outcome, Wait};
use crate::model::report::Report;
use crate::model::run::{Run, RunState};
use crate::model::task::{Task, WORKFLOW};

/// How a claimed epoch begins.
#[derive(Debug, PartialEq)]
pub(crate) enum Begin {
    /// It adopts an earlier epoch's undecided final outcome, and does not run.
    Adopt(Run),
    /// It fails the task, since no attempt is left.
    Exhausted(Run),
    /// It expires the task: nothing of it began, and its time to begin is over.
    Expired(Run),
    /// It runs.
    Start(Run),
}

impl Begin {
    /// Notes the ticket that delivered the epoch. An adopted outcome keeps its own.
    pub(crate) fn set_ticket(&mut self, ticket: u64) {
        match self {
            Self::Exhausted(run) | Self::Expired(run) | Self::Start(run) => run.ticket = ticket,
            Self::Adopt(_) => {}
        }
    }
}

/// Decides how an epoch begins, given the closest earlier record. An attempt counts only if it has
/// a record. So a task that ends its instance uses up no attempt of its neighbours.
pub(crate) fn begin(task: &Task, epoch: u64, earlier: Option<Run>, now_ms: u64) -> Begin {
    let decided = earlier.as_ref().is_some_and(Run::is_final);
    if is_expired(task, now_ms) && !decided && earlier.as_ref().is_none_or(Run::is_unstarted) {
        let run = Run::expired_before_start(&task.nonce, epoch, now_ms);
        return Begin::Expired(run);
    }
    let Some(mut run) = earlier else {
        return Begin::Start(Run {
            nonce: task.nonce.clone(),
            kind: task.kind.clone(),
            epoch,
            ticket: 0,
            attempt: 1,
            started_ms: now_ms,
            began_ms: 0,
            due_ms: task.not_before_ms.unwrap_or(task.enqueued_ms),
            // Epoch 0 left no record, although the task was not delayed: it may have ended its
            // instance.
            alone: epoch > 0 && task.not_before_ms.is_none(),
            part: 0,
            snoozes: 0,
            lost: 0,
            errors: Vec::new(),
            report: Report::default(),
            checkpoint: None,
            state: running(task, now_ms, now_ms),
        });
    };
    if run.is_final() && enabled(Guard::AdoptEarlierOutcome) {
        return Begin::Adopt(run);
    }
    if let RunState::Running { beat_ms, .. } = run.state {
        let (timeout_ms, silence_ms) = (task.timeout_ms, task.heartbeat_timeout_ms());
        let error = format!(
            "the worker was lost; or the attempt overran its timeout of {timeout_ms} ms, or computed for longer than its heartbeat timeout of {silence_ms} ms without a pause. Last heard of {} ms after the start",
            beat_ms.saturating_sub(run.started_ms)
        );
        // Nobody can tell which task ended an instance, so only a run that was alone counts as a
        // failed attempt.
        if run.alone || !enabled(Guard::LostAloneCounts) {
            run.fail_attempt(now_ms, &error);
        }
        run.alone = true;
        run.lost = run.lost.saturating_add(1);
    }
    let failed = run.failure().is_some();
    (run.epoch, run.ticket) = (epoch, 0);
    if failed && run.attempt >= task.retry.attempts {
        run.state = not_listed(now_ms);
        return Begin::Exhausted(run);
    }
    if failed || run.is_unstarted() {
        (run.attempt, run.snoozes) = (run.attempt + 1, 0);
    }
    run.started_ms = now_ms;
    run.state = running(task, now_ms, now_ms);
    Begin::Start(run)
}

/// Makes the state of a run that began at `started_ms` at the latest, with a heartbeat at
/// `beat_ms`.
pub(crate) fn running(task: &Task, started_ms: u64, beat_ms: u64) -> RunState {
    let heard_ms = if enabled(Guard::BeatRenewsLease) {
        beat_ms
    } else {
        started_ms
    };
    RunState::Running {
        beat_ms,
        lost_ms: task.lease().lost_ms(started_ms, heard_ms),
    }
}

/// Whether a task that has not begun may not begin any more.
pub(crate) fn is_expired(task: &Task, now_ms: u64) -> bool {
    task.expires_ms.is_some_and(|at_ms| now_ms > at_ms)
}

/// Turns a run's outcome into its final record or its next step. A result may have `result_max`
/// bytes. `random` chooses the wait of [`RunState::Retrying`].
pub(crate) fn settle_outcome(
    task: &Task,
    mut run: Run,
    outcome: Outcome,
    result_max: u64,
    now_ms: u64,
    random: u64,
) -> Run {
    let too_large = |value: &Json| {
        let bytes = value.bytes();
        if bytes > result_max {
            let error = format!("it returned {bytes} bytes of JSON; {result_max} are allowed");
            return Some(error);
        }
        value
            .flaw()
            .map(|reason| format!("it returned JSON that is {reason}"))
    };
    let outcome = match outcome {
        Outcome::Continue { .. } if run.part >= PARTS_MAX => Outcome::Fail(format!(
            "it continued {PARTS_MAX} times, and wanted to continue once more"
        )),
        Outcome::Done(ref v)
        | Outcome::Continue {
            checkpoint: ref v, ..
        } => match too_large(v) {
            Some(error) => Outcome::Fail(error),
            None => outcome,
        },
        Outcome::Snooze(after_ms) if is_snoozed_out(task, &run) => Outcome::Retry {
            error: format!(
                "it was snoozed {} times in one attempt, the last time for {after_ms} ms: that counts as a failed attempt",
                run.snoozes + 1
            ),
            wait: Wait::AtLeast(after_ms),
        },
        other => other,
    };
    run.state = match outcome {
        Outcome::Done(result) => RunState::Succeeded {
            ended_ms: now_ms,
            result,
        },
        Outcome::Continue {
            checkpoint,
            after_ms,
        } => {
            (run.checkpoint, run.snoozes) = (Some(checkpoint), 0);
            run.part = run.part.saturating_add(1);
            match after_ms {
                0 => continued(now_ms),
                ms => retrying(now_ms, ms),
            }
        }
        Outcome::Cancelled => RunState::Cancelled,
        Outcome::Snooze(after_ms) => {
            run.snoozes = run.snoozes.saturating_add(1);
            retrying(now_ms, after_ms)
        }
        Outcome::Fail(error) => {
            run.fail_attempt(now_ms, &error);
            not_listed(now_ms)
        }
        Outcome::Retry { error, wait } => {
            run.fail_attempt(now_ms, &error);
            if run.attempt >= task.retry.attempts {
                not_listed(now_ms)
            } else {
                let policy_ms = task.retry.wait_ms(run.attempt, random);
                retrying(now_ms, wait.or_policy(policy_ms))
            }
        }
    };
    run
}

/// Whether one more snooze counts as a failed attempt. Otherwise a task whose target always says
/// "later" would never end. Turns of workflows are exempt, since they wait for the store or for
/// members.
fn is_snoozed_out(task: &Task, run: &Run) -> bool {
    run.snoozes >= SNOOZES_MAX && task.kind != WORKFLOW && enabled(Guard::BoundSnoozes)
}

/// The state of a run whose next epoch is announced at once.
pub(crate) fn continued(ended_ms: u64) -> RunState {
    RunState::Continued {
        ended_ms,
        parked: None,
    }
}

/// The state of a failed task without an entry in the failed list yet.
fn not_listed(ended_ms: u64) -> RunState {
    RunState::Failed {
        ended_ms,
        listed: None,
    }
}

fn retrying(now_ms: u64, wait_ms: u64) -> RunState {
    RunState::Retrying {
        at_ms: now_ms + wait_ms.min(DELAY_MAX_MS),
        timer: false,
    }
}

#[cfg(test)]
mod tests;
