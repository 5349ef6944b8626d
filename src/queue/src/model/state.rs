//! The states of a task, as callers see them.

use std::fmt;

/// The states of a task. `Succeeded`, `Failed`, `Cancelled` and `Expired` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for its time.
    Scheduled,
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Failed, and waits for its next attempt.
    Retrying,
    /// Final, with a result.
    Succeeded,
    /// Final, with an error.
    Failed,
    /// Final: it was asked to stop.
    Cancelled,
    /// Final: it did not begin in time.
    Expired,
}

impl State {
    /// Whether it never changes.
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

/// Where in its life a task is: it only goes forward.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunStep {
    /// The epoch of its latest record.
    pub epoch: u64,
    /// How that stands.
    pub phase: Phase,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Nothing was seen.
    #[default]
    Unseen,
    Scheduled,
    Queued,
    /// A worker has it, and has written nothing of it yet.
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
