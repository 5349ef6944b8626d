//! Rescue actions: the conclusions of rescue about a delivery.

use crate::model::ended::Ended;
use crate::model::run::{Run, RunState};
use crate::timer::entry::{Entry, EntryKind};

/// The conclusion of rescue about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RescueAction {
    /// Nothing: the delivery is settled, or its owner will settle it.
    Done,
    /// Count it in the statistics: it ended its task.
    Ended(Ended),
    /// Count a failed attempt of this kind, which `ticket` delivered, if the epoch has one. Its
    /// owner has delivered the next attempt.
    Failed { kind: String, ticket: Option<u64> },
    /// Announce (task, epoch): the delivery before it was lost.
    Announce(u64, u64),
    /// Put (task, epoch) on the list of running tasks. It counts as lost at `lost_ms` unless a
    /// heartbeat comes. `ticket` delivered it, if the epoch has one.
    Running {
        task: u64,
        epoch: u64,
        ticket: Option<u64>,
        lost_ms: u64,
    },
    /// Examine (task, epoch) again at this time: its fate is not clear yet.
    Later(u64, u64, EntryKind, u64),
    /// Keep the entry for a newer version, which wrote a record in the way. No keeper stays for it.
    Defer(Entry),
}

impl RescueAction {
    pub(crate) fn ended(run: &Run, kind: &str) -> Self {
        Ended::of(run, kind).map_or(Self::Done, Self::Ended)
    }

    /// The conclusion about a run that a later one followed.
    pub(crate) fn followed(run: &Run, kind: &str) -> Self {
        let retries = matches!(run.state, RunState::Retrying { .. });
        match retries && run.failure().is_some() {
            true => Self::Failed {
                kind: kind.to_owned(),
                ticket: run.delivered_by(),
            },
            false => Self::Done,
        }
    }

    /// The next examination that this action requires, and its time.
    pub(crate) fn next_look(&self) -> Option<(u64, u64, EntryKind, u64)> {
        match *self {
            Self::Running {
                task,
                epoch,
                lost_ms,
                ..
            } => Some((task, epoch, EntryKind::Look, lost_ms)),
            Self::Later(t, e, what, at_ms) => Some((t, e, what, at_ms)),
            _ => None,
        }
    }
}
