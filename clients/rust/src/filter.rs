//! Which tasks a call is about.

use serde::Serialize;

use crate::fields::{Each, Step};
use crate::http::Query;
use crate::words::State;

/// The tasks of a group: some steps, or one task for each item.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Members {
    /// These tasks.
    Steps(Vec<Step>),
    /// One task for each item.
    Each(Each),
}

impl From<Vec<Step>> for Members {
    fn from(steps: Vec<Step>) -> Self {
        Self::Steps(steps)
    }
}

impl From<Each> for Members {
    fn from(each: Each) -> Self {
        Self::Each(each)
    }
}

/// The options of `batch`.
#[derive(Debug, Clone)]
pub struct BatchOptions {
    /// The queue of all of them, `default` without it.
    pub queue: Option<String>,
    /// Whether each item without an idempotency key gets one, so that the batch can be repeated.
    /// Each item then costs as much as a request of its own, and without keys all cost two writes.
    pub once: bool,
    /// The W3C trace that they belong to.
    pub traceparent: Option<String>,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            queue: None,
            once: true,
            traceparent: None,
        }
    }
}

/// Which tasks of a queue: those that fit all that is given.
#[derive(Debug, Clone, Default)]
pub struct Filter(pub(crate) Query);

impl Filter {
    /// All tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Those in this state. `cancel` takes states that are not final, and retries take none.
    #[must_use]
    pub fn state(self, state: impl Into<State>) -> Self {
        self.parameter("state", state.into().as_str())
    }

    /// Those of this kind.
    #[must_use]
    pub fn task(self, task: &str) -> Self {
        self.parameter("task", task)
    }

    /// Those with this key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.parameter("key", key)
    }

    /// Those that the schedule of this name enqueued.
    #[must_use]
    pub fn schedule(self, schedule: &str) -> Self {
        self.parameter("schedule", schedule)
    }

    /// Those whose id, kind, key or arguments contain these 1 to 200 characters, in any case. Of
    /// failed tasks the error is searched too.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.parameter("text", text)
    }

    /// Failed tasks whose error has a first line of this form, in any case; `*` stands for any text.
    #[must_use]
    pub fn error(self, pattern: &str) -> Self {
        self.parameter("error", pattern)
    }

    /// Tasks that failed in a duration until now, such as `2h`, or at a time or later.
    #[must_use]
    pub fn since(self, since: &str) -> Self {
        self.parameter("since", since)
    }

    /// A parameter by its name, such as one of a later version. Handoff refuses unknown ones.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whether it leaves out nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
