//! The states of a task, as callers see them.

use std::fmt;

/// The states of a task. `Succeeded`, `Failed`, `Cancelled` and `Expired` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The task waits for its time.
    Scheduled,
    /// The task waits for a worker.
    Queued,
    /// A worker runs the task.
    Running,
    /// An attempt failed, and the task waits for the next one.
    Retrying,
    /// Final: the task has a result.
    Succeeded,
    /// Final: the task has an error.
    Failed,
    /// Final: the task was cancelled.
    Cancelled,
    /// Final: the task did not begin in time.
    Expired,
}

impl State {
    /// Whether the state never changes again.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Expired
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        })
    }
}

/// How far a task has come in its life. It only goes forward.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunStep {
    /// The epoch of its latest record.
    pub epoch: u64,
    /// The phase of that record.
    pub phase: Phase,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The observer has seen nothing.
    #[default]
    Unseen,
    Scheduled,
    Queued,
    /// A worker took it, and has written no record yet.
    Taken,
    Running,
    Ended,
}

pub(crate) const PHASES: [Phase; 6] = [
    Phase::Unseen,
    Phase::Scheduled,
    Phase::Queued,
    Phase::Taken,
    Phase::Running,
    Phase::Ended,
];
