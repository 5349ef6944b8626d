//! Entries of the timer.

use crate::base::digest::is_name;
use crate::store::record::{Validate, is_epoch, is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// The wheel of deliveries and deadlines. While it holds anything, a keeper stays.
pub(crate) const DUE: char = 't';

/// The wheel of what nobody waits for: late deletions, and what a newer version must see to.
pub(crate) const OLD: char = 'g';

/// What is to happen at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(rename = "t")]
    pub task: u64,
    #[serde(rename = "e")]
    pub epoch: u64,
    /// Deliver, or look first.
    #[serde(rename = "d")]
    pub what: EntryKind,
    /// What to forget, or what a schedule enqueued last.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EntryKind {
    /// Announce (task, epoch).
    #[serde(rename = "d")]
    Deliver,
    /// Announce (task, epoch) if the outcome that promises it is written.
    #[serde(rename = "r")]
    Retry,
    /// The lease of (task, epoch) is over: rescue looks.
    #[serde(rename = "l")]
    Look,
    /// (task, epoch) was claimed without a mark when rescue last looked: if it still is, it is lost.
    #[serde(rename = "a")]
    LookAgain,
    /// Rescue could not read what is in slot `task`: it passes it again.
    #[serde(rename = "p")]
    Pass,
    /// The retention of the task is over.
    #[serde(rename = "x")]
    Delete,
    /// An idempotency key's period is over: it goes by its name. There is no task.
    #[serde(rename = "f")]
    Forget,
    /// Version `task` of a schedule occurs: `epoch` is the time in milliseconds up to which all is seen to, and the name is the
    /// id of the task that was last enqueued.
    #[serde(rename = "s")]
    Fire,
    /// What change `task` of the schedules left, and the tables from number `epoch` on, may go.
    #[serde(rename = "c")]
    Tidy,
    /// Somebody is to look after the line of this name. There is no task.
    #[serde(rename = "k")]
    Attend,
    /// The line of this name is over.
    #[serde(rename = "kl")]
    ForgetLine,
    /// What limits a key counted in this hour may go.
    #[serde(rename = "kh")]
    ForgetKey,
    /// What was counted of a kind of task in a period may go.
    #[serde(rename = "z")]
    ForgetKiller,
}

impl EntryKind {
    /// Whether it is about no task, but something that has a name.
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

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// The keeper will see it.
    Scheduled,
    /// Its time is over, or the keeper may have passed: who inserts sees to it. Perhaps the keeper does too.
    Due,
}
