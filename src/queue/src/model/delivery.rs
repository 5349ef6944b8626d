//! One delivery of a task: the right to run it, its outcome, and its end.

use crate::base::json::Json;
use crate::base::priority::Lane;
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::model::task::Task;
use serde::Serialize;

/// The right to run a task once: (task, epoch), and what was found of earlier runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub(crate) slot: u64,
    pub(crate) epoch: u64,
    pub(crate) task: Task,
    /// This run's record: the attempt's number, earlier errors, the checkpoint to go on from.
    pub(crate) run: Run,
    /// Nothing of the task began, as far as is known.
    pub(crate) unstarted: bool,
    /// It waited for its key, and its turn has come.
    pub(crate) called: bool,
    /// When the ticket or claim was taken: the right to begin ends [`crate::BEGIN_MS`] later.
    pub(crate) taken_ms: u64,
}

impl Delivery {
    /// How many bytes of JSON it brings.
    pub(crate) fn bytes(&self) -> u64 {
        let checkpoint = self.run.checkpoint.as_ref().map_or(0, Json::bytes);
        self.task.args.bytes() + checkpoint
    }

    /// Whether neither pauses nor limits count for it.
    pub(crate) fn is_system(&self) -> bool {
        Lane::of(self.slot).is_system()
    }
}

/// What a task's run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It succeeded with this result.
    Done(Json),
    /// It failed and may be tried again, by its retry policy or after this many milliseconds.
    Retry {
        /// What went wrong.
        error: String,
        /// The wait asked for; otherwise the task's policy decides.
        after_ms: Option<u64>,
    },
    /// It was told to come later: tried again after this many milliseconds, and not counted as an attempt.
    Snooze(u64),
    /// It failed for good.
    Fail(String),
    /// It did a part of its work: store this checkpoint and go on in another instance.
    Continue(Json),
    /// It was asked to stop and did.
    Cancelled,
}

impl Outcome {
    /// It succeeded with anything that can be written as JSON.
    pub fn done(result: impl Serialize) -> Self {
        Self::with(result, Self::Done)
    }

    /// It failed and may be tried again by its retry policy.
    pub fn retry(error: impl Into<String>) -> Self {
        let error = error.into();
        Self::Retry {
            error,
            after_ms: None,
        }
    }

    /// It did a part of its work and goes on from this checkpoint in another instance.
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

/// How a run ended. It is written more than once if the store fails, with the same bytes each time.
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

/// What is left to write when a run has ended.
#[derive(Debug)]
pub enum Finished {
    /// Everything is in the store.
    Written,
    /// The outcome of an epoch 0: this one write, which several tasks may share.
    Write(String, Vec<u8>),
}

/// The right to look into a slot and to run what is there, for [`crate::BEGIN_MS`].
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
