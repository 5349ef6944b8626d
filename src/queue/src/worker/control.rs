//! What a worker and the task that it runs tell each other.

use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::model::report::Report;
use crate::model::task::Trace;
use std::cell::Cell;
use std::cell::RefCell;

/// One attempt, as its task sees it.
#[derive(Debug)]
pub struct Control {
    pub(crate) attempt: u32,
    pub(crate) deadline_ms: u64,
    pub(crate) yield_at_ms: u64,
    pub(crate) checkpoint: Option<Json>,
    pub(crate) trace: Option<Trace>,
    pub(crate) end_of: Option<TaskId>,
    pub(crate) report: RefCell<Report>,
    pub(crate) cancelled: Cell<bool>,
}

impl Control {
    /// A control for an attempt. Workers make it; tests of a task may too.
    pub fn new(
        attempt: u32,
        deadline_ms: u64,
        yield_at_ms: u64,
        checkpoint: Option<Json>,
        trace: Option<Trace>,
    ) -> Self {
        Self {
            attempt,
            deadline_ms,
            yield_at_ms,
            checkpoint,
            trace,
            end_of: None,
            report: RefCell::default(),
            cancelled: Cell::default(),
        }
    }

    /// The same, with what earlier runs of the task said, and the task whose end it follows.
    pub(crate) fn with(mut self, report: Report, end_of: Option<TaskId>) -> Self {
        *self.report.get_mut() = report;
        self.end_of = end_of;
        self
    }

    /// What the task and its earlier runs said. `None` in the middle of saying it, which only a panic sees.
    pub(crate) fn report(&self) -> Option<Report> {
        Some(self.report.try_borrow().ok()?.clone())
    }

    /// Whether the task said something since this was its report.
    pub(crate) fn has_news_since(&self, report: &Report) -> bool {
        !report.says_as_much_as(&self.report.borrow())
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the attempt's timeout is over, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// When a task that can continue elsewhere should store its checkpoint, in milliseconds since 1970.
    pub fn yield_at_ms(&self) -> u64 {
        self.yield_at_ms
    }

    /// What the last run stored when it returned [`crate::Outcome::Continue`].
    pub fn checkpoint(&self) -> Option<&Json> {
        self.checkpoint.as_ref()
    }

    /// The trace of the request that enqueued the task.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The task whose end this one follows. That end may be seen only in a moment: what follows is there first.
    pub fn end_of(&self) -> Option<&TaskId> {
        self.end_of.as_ref()
    }

    /// Whether somebody asked to cancel the task, as of the last heartbeat.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Says how far the task is, perhaps in words too. Shown with it from the next heartbeat on.
    pub fn set_progress(&self, progress: Json, message: Option<&str>) {
        self.report.borrow_mut().set_progress(progress, message);
    }

    /// Adds a line to the task's log. Shown with it from the next heartbeat on.
    pub fn log(&self, at_ms: u64, line: &str) {
        self.report.borrow_mut().log(at_ms, self.attempt, line);
    }
}
