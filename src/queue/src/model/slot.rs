//! The record of a slot: a task, an announcement, or nothing.

use crate::model::task::Task;
use crate::store::record::{Validate, is_epoch, is_slot};
use serde::Deserialize;
use serde::Serialize;

/// A slot of the queue. Immutable once written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Slot {
    /// A task's home.
    Task(Box<Task>),
    /// A later delivery of a task: (home slot, epoch).
    Announce(u64, u64),
    /// Nothing: skipped by an enqueuer that found itself overtaken.
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
