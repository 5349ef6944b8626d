//! What a worker and the task that it runs tell each other.

use crate::Trace;
use crate::config::PROGRESS_MAX_BYTES;
use crate::transition::size;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

/// One attempt, as its task sees it.
#[derive(Debug)]
pub struct Control {
    attempt: u32,
    deadline_ms: u64,
    yield_at_ms: u64,
    checkpoint: Option<Value>,
    trace: Option<Trace>,
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
        trace: Option<Trace>,
    ) -> Self {
        Self {
            attempt,
            deadline_ms,
            yield_at_ms,
            checkpoint,
            trace,
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

    /// The trace of the request that enqueued the task.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// Whether somebody asked to cancel the task, as of the last heartbeat.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Says how far the task is. Shown with it from the next heartbeat on; of what is too large only that is shown.
    pub fn set_progress(&self, progress: Value) {
        let bytes = size(&progress);
        let shown = if bytes > PROGRESS_MAX_BYTES {
            json!(format!(
                "not shown: {bytes} bytes of JSON; {PROGRESS_MAX_BYTES} are allowed"
            ))
        } else {
            progress
        };
        *self.progress.borrow_mut() = Some(shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_is_bounded() {
        let control = Control::new(1, 0, 0, None, None);
        let most = PROGRESS_MAX_BYTES as usize;
        let fits = json!("x".repeat(most - 2));
        control.set_progress(fits.clone());
        assert_eq!(control.progress.take(), Some(fits));
        control.set_progress(json!("x".repeat(most - 1)));
        let shown = control.progress.take();
        let expected = json!("not shown: 16385 bytes of JSON; 16384 are allowed");
        assert_eq!(shown, Some(expected));
    }
}
