//! Tasks as callers specify them, and as the queue stores them.

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
    /// The task kind.
    pub kind: String,
    /// The arguments, already checked.
    pub args: Json,
    /// The task must not begin before this time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<u64>,
    /// The task must not begin after this time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// The priority.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// The longest time of one attempt, in milliseconds.
    pub timeout_ms: u64,
    /// A run that is silent for this long, in milliseconds, counts as lost. `None` means
    /// [`crate::HEARTBEAT_TIMEOUT_DEFAULT_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// The retry policy.
    pub retry: RetryPolicy,
    /// How long the final task stays readable, in milliseconds.
    pub retention_ms: u64,
    /// The trace of the request that enqueued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// The failed task that it retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<TaskId>,
    /// The follow-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_end: Option<FollowUp>,
    /// The task whose end it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of: Option<TaskId>,
    /// The occurrence of a schedule for which it was enqueued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Occurrence>,
    /// The key. Limits apply to all tasks with the same key together.
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
    /// Makes the task that the queue stores.
    pub(crate) fn enqueued(self, nonce: String, enqueued_ms: u64) -> Task {
        Task {
            nonce,
            enqueued_ms,
            spec: self,
            kept_until_ms: None,
            member_of: None,
        }
    }

    /// Makes a task with the defaults: no delay, 60 s per attempt, 5 attempts, 24 h of retention.
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
    /// The lane of its home, and so of all its announcements.
    pub(crate) fn lane(&self) -> Lane {
        if self.kind == WORKFLOW || self.end_of.is_some() {
            Lane::System
        } else {
            self.priority.into()
        }
    }
}

/// A task as the queue stores it. The fields of its [`TaskSpec`] can be read from the task itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The random part of its id.
    pub nonce: String,
    /// When it was enqueued, in milliseconds since 1970.
    pub enqueued_ms: u64,
    /// The specification by its caller.
    pub spec: TaskSpec,
    /// It stays readable until this time, in milliseconds since 1970, so that a repeated request
    /// finds it.
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
        let mut times = [self.enqueued_ms].into_iter().chain(self.kept_until_ms);
        let member = self.member_of.as_ref().is_none_or(Membership::is_valid);
        times.all(is_time) && self.spec.is_valid() && member
    }
}

/// A task that is enqueued when another one has ended, in whatever state: once, in the same queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The task kind.
    pub kind: String,
    /// The arguments.
    pub args: Json,
    /// The longest time of one attempt, in milliseconds.
    pub timeout_ms: u64,
    /// The retry policy.
    pub retry: RetryPolicy,
}

/// A W3C trace context, which the queue passes on unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The header `traceparent`.
    pub parent: String,
    /// The header `tracestate`.
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

/// The kind of a workflow's own task. Callers enqueue workflows by [`crate::Workflow::task`].
pub const WORKFLOW: &str = "workflow";

/// A task's membership in a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The workflow, in the same queue.
    pub workflow: TaskId,
    /// Its step, from 0.
    pub step: u64,
    /// Its number in the step, from 0.
    pub index: u64,
    /// The number of members of the step.
    pub(crate) of: u64,
    /// Whether its failure ends the workflow at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fail_fast: bool,
}

impl Validate for Membership {
    fn is_valid(&self) -> bool {
        self.workflow.is_valid() && self.of <= GROUP_MAX as u64 && self.step < CHAIN_MAX as u64
    }
}

/// How a task failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The error of its last attempt.
    pub error: &'a str,
    /// When it failed, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Whether a task belongs on a list. Where the list is of failed tasks it is also given how the task
/// failed.
pub type Fits<'a> = &'a dyn Fn(&TaskId, &Task, Option<Failure<'_>>) -> bool;

/// All tasks belong on the list.
pub fn every(_: &TaskId, _: &Task, _: Option<Failure<'_>>) -> bool {
    true
}
