//! The pending deletes.

use crate::store::record::{Validate, is_epoch, is_slot};
use serde::Deserialize;
use serde::Serialize;

/// No pass finds more adjacent tasks than this.
const PENDING_MAX: u64 = 100_000;

/// The keys that the next pass deletes. The keeper stores them before it deletes them, so a crash
/// in the middle is repeated whole. Searching again would not do, since a task without its home
/// looks like a bare slot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PendingDeletes {
    /// Tasks: (first slot, number of adjacent slots, latest epoch).
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
    /// Adds a task. Most tasks are adjacent and have no later epoch, so thousands of them take
    /// little room.
    pub(crate) fn push(&mut self, slot: u64, latest: u64) {
        match self.tasks.last_mut() {
            Some((first, count, same)) if *first + *count == slot && *same == latest => *count += 1,
            _ => self.tasks.push((slot, 1, latest)),
        }
    }

    /// Adds a task with further keys. The members of a workflow have one in common.
    pub(crate) fn add(&mut self, slot: u64, latest: u64, others: Vec<String>) {
        self.push(slot, latest);
        self.keys.extend(others);
        self.keys.dedup();
    }

    /// Each task: (slot, latest epoch).
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (u64, u64)> {
        self.tasks
            .iter()
            .flat_map(|&(first, count, latest)| (first..first + count).map(move |t| (t, latest)))
    }
}
