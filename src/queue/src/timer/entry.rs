//! Entries of the timer.

use crate::base::digest::is_name;
use crate::store::record::{Validate, is_epoch, is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// The wheel of deliveries and deadlines. A keeper stays while it holds an entry.
pub(crate) const DUE: char = 't';

/// The wheel of entries for which no keeper stays: late deletions, and records that a newer version
/// must read.
pub(crate) const OLD: char = 'g';

/// An entry of the timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(rename = "t")]
    pub task: u64,
    #[serde(rename = "e")]
    pub epoch: u64,
    /// The action to take.
    #[serde(rename = "d")]
    pub what: EntryKind,
    /// The name to forget or serve, or the last task's id of a schedule.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EntryKind {
    /// Announce (task, epoch).
    #[serde(rename = "d")]
    Deliver,
    /// Announce (task, epoch) if the outcome "retrying" is written.
    #[serde(rename = "r")]
    Retry,
    /// Rescue examines (task, epoch): its lease is over.
    #[serde(rename = "l")]
    Look,
    /// Rescue examines (task, epoch) again: it was claimed without a record. Without one now, it is
    /// lost.
    #[serde(rename = "a")]
    LookAgain,
    /// Rescue passes slot `task` again, since it could not read it.
    #[serde(rename = "p")]
    Pass,
    /// Delete the task: its retention is over.
    #[serde(rename = "x")]
    Delete,
    /// Delete the period of an idempotency key. The entry has a name and no task.
    #[serde(rename = "f")]
    Forget,
    /// Fire version `task` of a schedule. `epoch` is the time in milliseconds up to which all
    /// occurrences are settled. The name is the id of the last task enqueued.
    #[serde(rename = "s")]
    Fire,
    /// Delete what change `task` of the schedules left, and the tables from number `epoch` on.
    #[serde(rename = "c")]
    Tidy,
    /// Serve the waitlist of this name. The entry has no task.
    #[serde(rename = "k")]
    Attend,
    /// Delete the waitlist of this name.
    #[serde(rename = "kl")]
    ForgetLine,
    /// Delete the limit counters of a key in one hour.
    #[serde(rename = "kh")]
    ForgetKey,
    /// Delete the count of a task kind in one period.
    #[serde(rename = "z")]
    ForgetKiller,
}

impl EntryKind {
    /// Whether the entry has a name instead of a task.
    fn is_named(self) -> bool {
        matches!(
            self,
            Self::Forget | Self::Attend | Self::ForgetLine | Self::ForgetKey | Self::ForgetKiller
        )
    }
}

impl Validate for Entry {
    fn is_valid(&self) -> bool {
        let name = self.name.as_deref();
        match self.what {
            // Every task has epoch 0 when it is enqueued: nobody announces that.
            EntryKind::Deliver | EntryKind::Retry if self.epoch == 0 => false,
            what if what.is_named() => name.is_some_and(is_name) && is_epoch(self.epoch),
            EntryKind::Fire => is_slot(self.task) && is_time(self.epoch),
            EntryKind::Tidy => is_slot(self.task) && self.epoch <= self.task,
            _ => is_slot(self.task) && name.is_none() && is_epoch(self.epoch),
        }
    }
}

impl Entry {
    pub(crate) fn new(task: u64, epoch: u64, what: EntryKind) -> Self {
        Self {
            task,
            epoch,
            what,
            name: None,
        }
    }

    pub(crate) fn deliver(task: u64, epoch: u64) -> Self {
        Self::new(task, epoch, EntryKind::Deliver)
    }

    pub(crate) fn forget(name: String) -> Self {
        Self::named(EntryKind::Forget, name)
    }

    pub(crate) fn named(what: EntryKind, name: String) -> Self {
        Self {
            name: Some(name),
            ..Self::new(0, 0, what)
        }
    }
}

/// The result of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// The keeper will act on the entry.
    Scheduled,
    /// The time is over, or the keeper may have passed it. The inserter acts itself; perhaps the
    /// keeper does too.
    Due,
}
