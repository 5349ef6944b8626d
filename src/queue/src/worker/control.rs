//! The interface between a worker and the task that it runs.

use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::model::report::Report;
use crate::model::task::Trace;
use std::cell::Cell;
use std::cell::RefCell;

/// What a task knows of its attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The task's id.
    pub id: TaskId,
    /// The key that it shares with others.
    pub key: Option<String>,
    /// The number of this attempt, from 1.
    pub number: u32,
    /// The number of attempts that the retry policy allows.
    pub attempts_max: u32,
    /// An earlier run was lost, perhaps with its instance.
    pub alone: bool,
    /// How many parts are done: how often the task returned [`crate::Outcome::Continue`].
    pub part: u32,
    /// The epoch. It only grows for a task, so that whatever the task writes to can refuse an
    /// earlier run.
    pub fence: u64,
    /// The checkpoint of the last run that returned [`crate::Outcome::Continue`].
    pub checkpoint: Option<Json>,
    /// The error of the last attempt that failed.
    pub last_error: Option<String>,
    /// When the attempt's timeout is over, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// The time, in milliseconds since 1970, at which a task that can continue elsewhere should
    /// return its checkpoint.
    pub yield_at_ms: u64,
    /// The trace of the request that enqueued the task.
    pub trace: Option<Trace>,
    /// The task whose end this one follows. That end may not be visible yet, since the follow-up is
    /// enqueued first.
    pub end_of: Option<TaskId>,
}

impl Attempt {
    /// The first attempt of a task that may be tried once, for tests of a task.
    pub fn first(id: TaskId, deadline_ms: u64) -> Self {
        Self {
            id,
            key: None,
            number: 1,
            attempts_max: 1,
            alone: false,
            part: 0,
            fence: 0,
            checkpoint: None,
            last_error: None,
            deadline_ms,
            yield_at_ms: deadline_ms,
            trace: None,
            end_of: None,
        }
    }
}

/// One attempt, as its task sees it.
#[derive(Debug)]
pub struct Control {
    attempt: Attempt,
    report: RefCell<Report>,
    cancelled: Cell<bool>,
}

impl Control {
    /// Makes the control of an attempt. Workers call this, and so may tests of a task.
    pub fn new(attempt: Attempt) -> Self {
        Self {
            attempt,
            report: RefCell::default(),
            cancelled: Cell::default(),
        }
    }

    /// Adds the report of earlier runs.
    pub(crate) fn with(mut self, report: Report) -> Self {
        *self.report.get_mut() = report;
        self
    }

    /// The report of this task and its earlier runs. It is `None` while the task is writing it,
    /// which only a panic sees.
    pub fn report(&self) -> Option<Report> {
        Some(self.report.try_borrow().ok()?.clone())
    }

    /// Whether the task reported anything since this report.
    pub(crate) fn has_news_since(&self, report: &Report) -> bool {
        !report.says_as_much_as(&self.report.borrow())
    }

    /// What the task knows of this attempt.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// Whether a cancel request existed when the worker last looked.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Notes a cancel request. Workers call this, and so may tests of a task.
    pub fn cancel(&self) {
        self.cancelled.set(true);
    }

    /// Sets the task's progress, with a message if given. It is visible from the next heartbeat on.
    pub fn set_progress(&self, progress: Json, message: Option<&str>) {
        self.report.borrow_mut().set_progress(progress, message);
    }

    /// Sets the words about the task's progress, and leaves the progress as it is.
    pub fn set_message(&self, message: &str) {
        self.report.borrow_mut().set_message(message);
    }

    /// Adds a line to the task's log. It is visible from the next heartbeat on.
    pub fn log(&self, at_ms: u64, line: &str) {
        self.report
            .borrow_mut()
            .log(at_ms, self.attempt.number, line);
    }
}
