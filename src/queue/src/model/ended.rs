//! The end of a task, as the statistics count it.

use crate::model::run::{Run, RunState};
use crate::model::state::State;
use crate::store::record::is_zero;
use serde::Deserialize;
use serde::Serialize;

/// The end of a task, as rescue counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) how: State,
    pub(crate) kind: String,
    /// The slot that delivered it, for epochs ≥ 1.
    pub(crate) ticket: Option<u64>,
    /// The time from when the task could have begun to its end, and the length of its last attempt,
    /// if known.
    pub(crate) latency_ms: Option<u64>,
    pub(crate) run_ms: Option<u64>,
    /// The time from when the task could have begun to the start of its first attempt, if known.
    pub(crate) wait_ms: Option<u64>,
    /// Whether its last attempt failed.
    pub(crate) failed_attempt: bool,
    /// How many of its runs were lost.
    pub(crate) lost: u32,
}

impl Ended {
    /// Returns the end of a task of this kind that the record holds, or `None` if it is not final.
    pub(crate) fn of(run: &Run, kind: &str) -> Option<Self> {
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
        let began = run.began_ms > 0 && run.due_ms > 0;
        Some(Self {
            how,
            kind: kind.to_owned(),
            ticket: run.delivered_by(),
            latency_ms: since(run.due_ms),
            run_ms: since(run.started_ms),
            wait_ms: began.then(|| run.began_ms.saturating_sub(run.due_ms)),
            failed_attempt: how == State::Failed && run.failure().is_some(),
            lost: run.lost,
        })
    }
}

/// How many tasks ended, by how. A task that was lost and run again may count for both runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Tasks with a result.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub succeeded: u64,
    /// Tasks with an error.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Tasks that were cancelled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cancelled: u64,
    /// Tasks that did not begin in time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expired: u64,
}

impl Counts {
    /// Each number with the name of its state.
    pub fn by_state(self) -> [(&'static str, u64); 4] {
        [
            ("succeeded", self.succeeded),
            ("failed", self.failed),
            ("cancelled", self.cancelled),
            ("expired", self.expired),
        ]
    }

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

    pub(crate) fn add(&mut self, other: Self) {
        self.succeeded = self.succeeded.saturating_add(other.succeeded);
        self.failed = self.failed.saturating_add(other.failed);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.expired = self.expired.saturating_add(other.expired);
    }
}
