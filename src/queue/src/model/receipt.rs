//! The acknowledgement of enqueued tasks.

use crate::base::id::TaskId;
use crate::model::task::Task;

/// The acknowledgement of enqueued tasks, which will not be lost.
#[derive(Debug, Default)]
pub struct Receipt {
    /// The ids, in the order of the tasks.
    pub ids: Vec<TaskId>,
    /// The tasks as they were stored, in the same order.
    pub tasks: Vec<Task>,
    pub(crate) backlog: u64,
    /// A task waits for its time, so a keeper must exist.
    pub(crate) timed: bool,
    /// The queue may be paused.
    pub(crate) pausable: bool,
    /// A task is in the system lane, to which no pause or limit applies.
    pub(crate) system: bool,
    /// The registrations of workers as read when all tasks were written. Whoever wakes a worker
    /// reads them if they are absent.
    pub(crate) workers: Option<u64>,
}

impl Receipt {
    /// Adds another receipt, so that one wake-up serves both.
    pub fn merge(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.tasks.extend(other.tasks);
        self.backlog = self.backlog.max(other.backlog);
        self.timed |= other.timed;
        self.pausable |= other.pausable;
        self.system |= other.system;
        self.workers = None;
    }
}
