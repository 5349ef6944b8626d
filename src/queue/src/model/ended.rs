//! The end of a task, as the statistics count it.

use crate::model::run::{Run, RunState};
use crate::model::state::State;
use serde::Deserialize;
use serde::Serialize;

/// The end of a task, as rescue counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) how: State,
    /// The slot that delivered it, for epochs ≥ 1.
    pub(crate) ticket: Option<u64>,
    /// The time from when the task could have begun to its end, and the length of its last attempt,
    /// if known.
    pub(crate) latency_ms: Option<u64>,
    pub(crate) run_ms: Option<u64>,
}

impl Ended {
    /// Returns the end that this record holds, or `None` if it is not final.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        let how = match run.state {
            RunState::Succeeded { .. } => State::Succeeded,
            RunState::Failed { .. } => State::Failed,
            RunState::Cancelled => State::Cancelled,
            RunState::Expired { .. } => State::Expired,
            _ => return None,
        };
        let since = |from_ms: u64| {
            let ran = matches!(how, State::Succeeded | State::Failed) && from_ms > 0;
            let ended_ms = run.ended_ms().filter(|_| ran);
            ended_ms.map(|ms| ms.saturating_sub(from_ms))
        };
        Some(Self {
            how,
            ticket: run.delivered_by(),
            latency_ms: since(run.due_ms),
            run_ms: since(run.started_ms),
        })
    }
}

/// How many tasks ended, by how. A task that was lost and run again may count for both runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Tasks with a result.
    pub succeeded: u64,
    /// Tasks with an error.
    pub failed: u64,
    /// Tasks that were cancelled.
    pub cancelled: u64,
    /// Tasks that did not begin in time.
    pub expired: u64,
}

impl Counts {
    pub(crate) fn count(&mut self, how: State) {
        let count = match how {
            State::Succeeded => &mut self.succeeded,
            State::Failed => &mut self.failed,
            State::Cancelled => &mut self.cancelled,
            State::Expired => &mut self.expired,
            _ => return,
        };
        *count = count.saturating_add(1);
    }
}
