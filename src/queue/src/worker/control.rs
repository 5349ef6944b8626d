//! The interface between a worker and the task that it runs.

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
    /// Makes the control of an attempt. Workers call this, and so may tests of a task.
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

    /// Adds the report of earlier runs, and the task whose end this one follows.
    pub(crate) fn with(mut self, report: Report, end_of: Option<TaskId>) -> Self {
        *self.report.get_mut() = report;
        self.end_of = end_of;
        self
    }

    /// The report of this task and its earlier runs. It is `None` while the task is writing it,
    /// which only a panic sees.
    pub(crate) fn report(&self) -> Option<Report> {
        Some(self.report.try_borrow().ok()?.clone())
    }

    /// Whether the task reported anything since this report.
    pub(crate) fn has_news_since(&self, report: &Report) -> bool {
        !report.says_as_much_as(&self.report.borrow())
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the attempt's timeout is over, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// The time, in milliseconds since 1970, at which a task that can continue elsewhere should
    /// return its checkpoint.
    pub fn yield_at_ms(&self) -> u64 {
        self.yield_at_ms
    }

    /// The checkpoint of the last run that returned [`crate::Outcome::Continue`].
    pub fn checkpoint(&self) -> Option<&Json> {
        self.checkpoint.as_ref()
    }

    /// The trace of the request that enqueued the task.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The task whose end this one follows. That end may not be visible yet, since the follow-up is
    /// enqueued first.
    pub fn end_of(&self) -> Option<&TaskId> {
        self.end_of.as_ref()
    }

    /// Whether a cancel request existed when the worker last looked.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Sets the task's progress, with a message if given. It is visible from the next heartbeat on.
    pub fn set_progress(&self, progress: Json, message: Option<&str>) {
        self.report.borrow_mut().set_progress(progress, message);
    }

    /// Adds a line to the task's log. It is visible from the next heartbeat on.
    pub fn log(&self, at_ms: u64, line: &str) {
        self.report.borrow_mut().log(at_ms, self.attempt, line);
    }
}
