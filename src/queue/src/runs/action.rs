//! What rescue finds out about a delivery, and what is to be done about it.

use crate::model::ended::Ended;
use crate::model::run::Run;
use crate::timer::entry::{Entry, EntryKind};

/// What rescue found out about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RescueAction {
    /// Somebody saw to it, or will.
    Done,
    /// It ended its task.
    Ended(Ended),
    /// Lost: announce (task, epoch).
    Announce(u64, u64),
    /// (task, epoch) runs, delivered by this ticket if the epoch has one, and counts as lost at this
    /// time unless it is heard of again.
    Running {
        task: u64,
        epoch: u64,
        ticket: Option<u64>,
        lost_ms: u64,
    },
    /// Not yet clear: look at (task, epoch) again at this time.
    Later(u64, u64, EntryKind, u64),
    /// A newer version's record is in the way: put this off. Nobody need wait for it.
    Defer(Entry),
}

impl RescueAction {
    pub(crate) fn ended(run: &Run) -> Self {
        Ended::of(run).map_or(Self::Done, Self::Ended)
    }

    /// What is to be looked at again, and when.
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
