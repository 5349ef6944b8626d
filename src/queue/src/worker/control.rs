//! What a worker and the task that it runs tell each other.

use serde_json::Value;
use std::cell::{Cell, RefCell};

/// One attempt, as its task sees it.
#[derive(Debug)]
pub struct Control {
    attempt: u32,
    deadline_ms: u64,
    yield_at_ms: u64,
    checkpoint: Option<Value>,
    pub(super) progress: RefCell<Option<Value>>,
    pub(super) cancelled: Cell<bool>,
}

impl Control {
    /// A control for an attempt. Workers make it; tests of a task may too.
    pub fn new(
        attempt: u32,
        deadline_ms: u64,
        yield_at_ms: u64,
        checkpoint: Option<Value>,
    ) -> Self {
        Self {
            attempt,
            deadline_ms,
            yield_at_ms,
            checkpoint,
            progress: RefCell::default(),
            cancelled: Cell::default(),
        }
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
    pub fn checkpoint(&self) -> Option<&Value> {
        self.checkpoint.as_ref()
    }

    /// Whether somebody asked to cancel the task, as of the last heartbeat.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Says how far the task is. Shown with it from the next heartbeat on.
    pub fn set_progress(&self, progress: Value) {
        *self.progress.borrow_mut() = Some(progress);
    }
}
