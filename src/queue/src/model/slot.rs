//! The record of a slot: a task, an announcement, or void.

use crate::model::task::Task;
use crate::store::record::{Validate, is_epoch, is_slot};
use serde::Deserialize;
use serde::Serialize;

/// A slot of a queue. It never changes once it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Slot {
    /// The home of a task.
    Task(Box<Task>),
    /// An announcement: (home, epoch).
    Announce(u64, u64),
    /// A slot that an overtaken announcer skipped.
    Void,
}

impl Validate for Slot {
    fn is_valid(&self) -> bool {
        match self {
            Self::Task(task) => task.is_valid(),
            Self::Announce(task, epoch) => is_slot(*task) && is_epoch(*epoch) && *epoch > 0,
            Self::Void => true,
        }
    }
}
