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
    /// A heartbeat failed, so it may overwrite this run's record at any later time.
    pub(crate) unsure: bool,
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
    /// The attempt failed, and is retried unless it was the last.
    Retry {
        /// The error.
        error: String,
        /// The wait before the next attempt.
        wait: Wait,
    },
    /// Run again after this many milliseconds, without a failed attempt.
    Snooze(u64),
    /// The task failed for good.
    Fail(String),
    /// A part of the work is done: store the checkpoint and continue in another instance, in the
    /// same attempt.
    Continue {
        /// What the next part begins with.
        checkpoint: Json,
        /// When it begins, in milliseconds from now.
        after_ms: u64,
    },
    /// The task saw a cancel request and stopped.
    Cancelled,
}

/// The wait before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As long as the task's retry policy says.
    Policy,
    /// As long as the policy says, and at least this many milliseconds.
    AtLeast(u64),
    /// This many milliseconds.
    Exactly(u64),
}

impl Wait {
    /// The wait in milliseconds, given that of the policy.
    pub(crate) fn or_policy(self, policy_ms: u64) -> u64 {
        match self {
            Self::Policy => policy_ms,
            Self::AtLeast(ms) => policy_ms.max(ms),
            Self::Exactly(ms) => ms,
        }
    }
}

impl Outcome {
    /// The task succeeded with any value that can be written as JSON.
    pub fn done(result: impl Serialize) -> Self {
        Self::with(result, Self::Done)
    }

    /// The attempt failed and is retried by the task's policy.
    pub fn retry(error: impl Into<String>) -> Self {
        let (error, wait) = (error.into(), Wait::Policy);
        Self::Retry { error, wait }
    }

    /// The attempt failed, and the next one begins after this many milliseconds.
    pub fn retry_after(error: impl Into<String>, ms: u64) -> Self {
        let (error, wait) = (error.into(), Wait::Exactly(ms));
        Self::Retry { error, wait }
    }

    /// A part of the work is done. The next one continues from this checkpoint at once, in another
    /// instance.
    pub fn continue_from(checkpoint: impl Serialize) -> Self {
        Self::continue_after(checkpoint, 0)
    }

    /// A part of the work is done. The next one continues from this checkpoint after so many
    /// milliseconds.
    pub fn continue_after(checkpoint: impl Serialize, after_ms: u64) -> Self {
        Self::with(checkpoint, |checkpoint| Self::Continue {
            checkpoint,
            after_ms,
        })
    }

    fn with(value: impl Serialize, outcome: impl FnOnce(Json) -> Self) -> Self {
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
