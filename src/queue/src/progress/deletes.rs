//! The deletes that a pass noted and the next pass makes.

use crate::store::record::{Validate, is_epoch, is_slot};
use serde::Deserialize;
use serde::Serialize;

/// No pass finds more tasks side by side.
const PENDING_MAX: u64 = 100_000;

/// What is to be deleted. The keeper stores it before it is: should it die at it, the next one repeats it whole.
/// Looking again would not do: what is left of a task whose home is gone can't be told from a bare slot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PendingDeletes {
    /// Tasks as (first slot, how many slots from there, their latest epoch).
    pub(crate) tasks: Vec<(u64, u64, u64)>,
    /// Other keys.
    pub(crate) keys: Vec<String>,
}

impl Validate for PendingDeletes {
    fn is_valid(&self) -> bool {
        let sound = |&(first, count, latest): &(u64, u64, u64)| {
            is_slot(first) && count <= PENDING_MAX && is_epoch(latest)
        };
        self.tasks.iter().all(sound)
    }
}

impl PendingDeletes {
    /// Most tasks lie side by side and have no later epoch, so that thousands of them take little room.
    pub(crate) fn push(&mut self, slot: u64, latest: u64) {
        match self.tasks.last_mut() {
            Some((first, count, same)) if *first + *count == slot && *same == latest => *count += 1,
            _ => self.tasks.push((slot, 1, latest)),
        }
    }

    /// The same, with other keys. Members of a workflow have one in common.
    pub(crate) fn add(&mut self, slot: u64, latest: u64, others: Vec<String>) {
        self.push(slot, latest);
        self.keys.extend(others);
        self.keys.dedup();
    }

    /// (slot, latest epoch) of each task.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (u64, u64)> {
        self.tasks
            .iter()
            .flat_map(|&(first, count, latest)| (first..first + count).map(move |t| (t, latest)))
    }
}
