//! A task: what was asked for, and what was stored.

use crate::base::config::{CHAIN_MAX, GROUP_MAX, RETENTION_DEFAULT_MS, TIMEOUT_DEFAULT_MS};
use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::base::priority::{Lane, Priority};
use crate::base::retry::RetryPolicy;
use crate::store::record::{Validate, is_time};
use serde::Deserialize;
use serde::Serialize;
use std::ops::Deref;

/// A task to be enqueued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Which of the deployment's tasks it is.
    pub kind: String,
    /// Its arguments, already checked.
    pub args: Json,
    /// Not before this time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<u64>,
    /// Not to begin after this time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Which of a queue's tasks are taken first.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// A run that was silent for this long, in milliseconds, counts as lost; `None` for
    /// [`crate::HEARTBEAT_TIMEOUT_DEFAULT_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// How long it stays readable once it is final, in milliseconds.
    pub retention_ms: u64,
    /// The trace that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// The failed task that it does again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<TaskId>,
    /// What is enqueued when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_end: Option<FollowUp>,
    /// The task whose end it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of: Option<TaskId>,
    /// The schedule's occurrence that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Occurrence>,
    /// Of tasks with the same key only so many run at once, or begin in a period, as the queue's limits say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Validate for TaskSpec {
    fn is_valid(&self) -> bool {
        let times = [self.timeout_ms, self.retention_ms].into_iter();
        let times = times.chain(self.not_before_ms).chain(self.expires_ms);
        let times = times.chain(self.heartbeat_timeout_ms);
        let times = times.chain(self.occurrence.as_ref().map(|o| o.at_ms));
        let mut times = times.chain(self.on_end.as_ref().map(|end| end.timeout_ms));
        let mut others = self.retry_of.iter().chain(&self.end_of);
        times.all(is_time) && others.all(TaskId::is_valid)
    }
}

impl TaskSpec {
    /// The task that it is from now on.
    pub(crate) fn enqueued(self, nonce: String, enqueued_ms: u64) -> Task {
        Task {
            nonce,
            enqueued_ms,
            spec: self,
            kept_until_ms: None,
            member_of: None,
        }
    }

    /// A task with the defaults: at once, 60 s per attempt, 5 attempts, results kept for 24 h.
    pub fn new(kind: &str, args: impl Into<Json>) -> Self {
        Self {
            kind: kind.to_owned(),
            args: args.into(),
            not_before_ms: None,
            expires_ms: None,
            priority: Priority::Normal,
            timeout_ms: TIMEOUT_DEFAULT_MS,
            heartbeat_timeout_ms: None,
            retry: RetryPolicy::default(),
            retention_ms: RETENTION_DEFAULT_MS,
            trace: None,
            retry_of: None,
            on_end: None,
            end_of: None,
            occurrence: None,
            key: None,
        }
    }
}

impl Task {
    /// The lane of its home, and so of all its deliveries.
    pub(crate) fn lane(&self) -> Lane {
        if self.kind == WORKFLOW || self.end_of.is_some() {
            Lane::System
        } else {
            self.priority.into()
        }
    }
}

/// A task as it was enqueued. What was asked for is its [`TaskSpec`], whose fields can be read from
/// the task itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The random part of its id.
    pub nonce: String,
    /// When it was enqueued, in milliseconds since 1970.
    pub enqueued_ms: u64,
    /// What was asked for.
    pub spec: TaskSpec,
    /// It stays readable until then in any case, in milliseconds since 1970: a repeated request is to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until_ms: Option<u64>,
    /// The workflow that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<Membership>,
}

impl Deref for Task {
    type Target = TaskSpec;

    fn deref(&self) -> &TaskSpec {
        &self.spec
    }
}

impl Validate for Task {
    fn is_valid(&self) -> bool {
        let times = [self.enqueued_ms].into_iter().chain(self.kept_until_ms);
        let member = self.member_of.as_ref().is_none_or(Membership::is_valid);
        times.into_iter().all(is_time) && self.spec.is_valid() && member
    }
}

/// What is enqueued when a task has ended, however it did: once, in the same queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// Which of the deployment's tasks it is.
    pub kind: String,
    /// Its arguments.
    pub args: Json,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
}

/// W3C trace context. The queue keeps it and passes it on as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// `traceparent`.
    pub parent: String,
    /// `tracestate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// One occurrence of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The schedule's name.
    pub schedule: String,
    /// Its time, in milliseconds since 1970.
    pub at_ms: u64,
}

/// The kind of task that a workflow is. Nobody enqueues it as such: see [`crate::Workflow::task`].
pub const WORKFLOW: &str = "workflow";

/// The workflow that a task belongs to, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The workflow, in the same queue.
    pub workflow: TaskId,
    /// Its step, from 0.
    pub step: u64,
    /// Which one of the step, from 0.
    pub index: u64,
    /// How many the step has.
    pub(crate) of: u64,
    /// Whether it ends the workflow at once if it fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fail_fast: bool,
}

impl Validate for Membership {
    fn is_valid(&self) -> bool {
        self.workflow.is_valid() && self.of <= GROUP_MAX as u64 && self.step < CHAIN_MAX as u64
    }
}
