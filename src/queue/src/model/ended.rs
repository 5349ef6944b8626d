//! The end of a task, as the statistics count it.

use crate::model::run::{Run, RunState};
use crate::model::state::State;
use serde::Deserialize;
use serde::Serialize;

/// A task's end, as rescue saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) how: State,
    /// Of epochs from 1: by which slot it was delivered.
    pub(crate) ticket: Option<u64>,
    /// From when it could have begun, and in its last attempt, where that is known.
    pub(crate) latency_ms: Option<u64>,
    pub(crate) run_ms: Option<u64>,
}

impl Ended {
    /// If this record is final.
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

/// How many tasks ended, by how. Of a task that was run again after it was lost, both runs may be counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// With a result.
    pub succeeded: u64,
    /// With an error.
    pub failed: u64,
    /// Asked to stop.
    pub cancelled: u64,
    /// Not begun in time.
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
