//! A delivery of a task: the right to run it once, and the run's outcome and end.

use crate::base::json::Json;
use crate::base::priority::Lane;
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::model::task::Task;
use serde::Serialize;

/// The right to run a task once: (task, epoch), and the relevant part of earlier runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub(crate) slot: u64,
    pub(crate) epoch: u64,
    pub(crate) task: Task,
    /// This run's record: the attempt's number, earlier errors, and the checkpoint from which it
    /// continues.
    pub(crate) run: Run,
    /// Nothing of the task began, as far as is known.
    pub(crate) unstarted: bool,
    /// The task waited for its key and was called.
    pub(crate) called: bool,
    /// When the ticket or claim was taken. The right to begin ends [`crate::BEGIN_MS`] later.
    pub(crate) taken_ms: u64,
}

impl Delivery {
    /// The bytes of its arguments and checkpoint.
    pub(crate) fn bytes(&self) -> u64 {
        let checkpoint = self.run.checkpoint.as_ref().map_or(0, Json::bytes);
        self.task.args.bytes() + checkpoint
    }

    /// Whether it is of the system lane, to which no pause or limit applies.
    pub(crate) fn is_system(&self) -> bool {
        Lane::of(self.slot).is_system()
    }
}

/// The outcome of a task's run.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The task succeeded with this result.
    Done(Json),
    /// The attempt failed. It is retried by the task's policy, or after this many milliseconds.
    Retry {
        /// The error.
        error: String,
        /// The wait that the task chose. Without it the policy decides.
        after_ms: Option<u64>,
    },
    /// Run again after this many milliseconds, without a failed attempt.
    Snooze(u64),
    /// The task failed for good.
    Fail(String),
    /// A part of the work is done: store this checkpoint and continue in another instance.
    Continue(Json),
    /// The task saw a cancel request and stopped.
    Cancelled,
}

impl Outcome {
    /// The task succeeded with any value that can be written as JSON.
    pub fn done(result: impl Serialize) -> Self {
        Self::with(result, Self::Done)
    }

    /// The attempt failed and is retried by the task's policy.
    pub fn retry(error: impl Into<String>) -> Self {
        let error = error.into();
        Self::Retry {
            error,
            after_ms: None,
        }
    }

    /// A part of the work is done. The next epoch continues from this checkpoint, in another
    /// instance.
    pub fn continue_from(checkpoint: impl Serialize) -> Self {
        Self::with(checkpoint, Self::Continue)
    }

    pub(crate) fn with(value: impl Serialize, outcome: fn(Json) -> Self) -> Self {
        match Json::of(&value) {
            Ok(value) => outcome(value),
            Err(e) => Self::Fail(format!("what it returned can't be written as JSON: {e}")),
        }
    }
}

/// The end of a run. If the store fails, it is written again with the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunEnd {
    pub(crate) slot: u64,
    pub(crate) epoch: u64,
    pub(crate) ends: Option<Box<CompletionEffects>>,
    pub(crate) run: Run,
}

impl RunEnd {
    /// Notes whether the timer delivers the next attempt.
    pub(crate) fn set_timer(&mut self, scheduled: bool) {
        if let RunState::Retrying { timer, .. } = &mut self.run.state {
            *timer = scheduled;
        }
    }
}

/// The rest to write after a run has ended.
#[derive(Debug)]
pub enum Finished {
    /// Everything is in the store.
    Written,
    /// The outcome of an epoch 0. Several tasks may share this one write.
    Write(String, Vec<u8>),
}

/// The right to look into a slot and to begin what is there within [`crate::BEGIN_MS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) slot: u64,
    pub(crate) taken_ms: u64,
}

impl Ticket {
    pub(crate) fn is_system(&self) -> bool {
        Lane::of(self.slot).is_system()
    }
}
