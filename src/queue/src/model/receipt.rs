//! The acknowledgement of enqueued tasks.

use crate::base::id::TaskId;
use crate::model::task::Task;

/// The acknowledgement of enqueued tasks: they will not be lost.
#[derive(Debug, Default)]
pub struct Receipt {
    /// The ids, in the order of the tasks.
    pub ids: Vec<TaskId>,
    /// The tasks as they were stored, in the same order.
    pub tasks: Vec<Task>,
    pub(crate) backlog: u64,
    /// Something waits for its time, so that somebody must keep it.
    pub(crate) timed: bool,
    /// Workers may take none for now.
    pub(crate) pausable: bool,
    /// Something is in the system's lane, where neither a pause nor a limit counts.
    pub(crate) system: bool,
}

impl Receipt {
    /// Adds another one, so that a worker is woken for both at once.
    pub fn merge(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.tasks.extend(other.tasks);
        self.backlog = self.backlog.max(other.backlog);
        self.timed |= other.timed;
        self.pausable |= other.pausable;
        self.system |= other.system;
    }
}
