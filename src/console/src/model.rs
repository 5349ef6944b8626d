//! The API's objects, as far as pages show them. What is not there stays empty.

use handoff_wire::Time;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A problem document.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub detail: String,
    pub field: Option<String>,
}

impl Problem {
    /// The end of its type, such as `forbidden`.
    pub(crate) fn name(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }

    /// What is wrong. The status is of the answer.
    pub(crate) fn words(&self, status: u16) -> String {
        let mut words = match self.detail.as_str() {
            "" => format!("The API answered with status {status} and without a reason."),
            detail => detail.to_owned(),
        };
        if let Some(field) = &self.field {
            words += &format!(" (Field: {field}.)");
        }
        words
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Queues {
    pub queues: Vec<Queue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Queue {
    pub name: String,
    pub paused: bool,
    pub waiting: u64,
    pub workers: u64,
    pub computing: u64,
    pub oldest_waiting: Option<String>,
    pub running: u64,
    /// To be retried or discarded.
    pub failed: u64,
    pub keeper_lag: Option<String>,
    pub ended: Counts,
    pub limits: Option<Limits>,
    pub purged: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub expired: u64,
}

impl Counts {
    /// How many have ended, however.
    pub(crate) fn ended(&self) -> u64 {
        let ended = [self.succeeded, self.failed, self.cancelled, self.expired];
        ended.into_iter().fold(0, u64::saturating_add)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    pub concurrency: Option<u64>,
    pub rate: Option<String>,
    pub per_key: Option<Box<Limits>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    pub minutes: Vec<Bucket>,
    pub hours: Vec<Bucket>,
}

/// What ended, or began, in a minute or an hour.
#[derive(Debug, Deserialize)]
pub(crate) struct Bucket {
    pub from: Time,
    #[serde(default)]
    pub succeeded: u64,
    #[serde(default)]
    pub failed: u64,
    #[serde(default)]
    pub attempts_failed: u64,
    /// The mean, unless nothing began.
    pub wait_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tasks {
    pub tasks: Vec<Task>,
    pub next: Option<String>,
    pub searched: Option<Searched>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Searched {
    pub slots: u64,
    pub back_to: Option<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Task {
    pub id: String,
    pub state: String,
    pub task: String,
    pub queue: String,
    pub key: Option<String>,
    pub priority: Option<String>,
    pub args: Option<Box<RawValue>>,
    pub result: Option<Box<RawValue>>,
    pub error: Option<String>,
    pub errors: Vec<Attempt>,
    pub progress: Option<Box<RawValue>>,
    pub message: Option<String>,
    pub logs: Vec<LogLine>,
    pub logs_dropped: u64,
    pub attempt: u64,
    pub attempts_max: u64,
    pub runs_lost: u64,
    pub enqueued_at: Option<Time>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub next_at: Option<Time>,
    pub expires_at: Option<Time>,
    pub timeout: Option<String>,
    pub heartbeat_timeout: Option<String>,
    pub retention: Option<String>,
    pub webhook: Option<String>,
    pub end_of: Option<String>,
    pub retried_as: Option<String>,
    pub retry_of: Option<String>,
    pub schedule: Option<Occurrence>,
    pub workflow: Option<Membership>,
    pub traceparent: Option<String>,
    pub step: u64,
    pub index: u64,
}

impl Task {
    /// Whether it will never change again.
    pub(crate) fn is_final(&self) -> bool {
        is_final(&self.state)
    }
}

/// Whether nothing in this state changes again.
pub(crate) fn is_final(state: &str) -> bool {
    matches!(state, "succeeded" | "failed" | "cancelled" | "expired")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Attempt {
    pub attempt: u64,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub error: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogLine {
    pub at: Option<Time>,
    pub attempt: u64,
    pub message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Occurrence {
    pub name: String,
    pub at: Option<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Membership {
    pub id: String,
    pub step: u64,
    pub index: u64,
}

/// What a call for many tasks did, or would do: `retried`, `would_cancel` …
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Swept {
    pub more: bool,
    pub next: Option<String>,
    #[serde(flatten)]
    pub counts: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Schedules {
    pub schedules: Vec<Schedule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Schedule {
    pub name: String,
    pub cron: Option<String>,
    pub timezone: Option<String>,
    pub every: Option<String>,
    pub overlap: String,
    pub missed: String,
    pub paused: bool,
    pub next_run: Option<Time>,
    pub last_run: Option<LastRun>,
    pub task: String,
    pub args: Option<Box<RawValue>>,
    pub queue: String,
    pub key: Option<String>,
    pub priority: Option<String>,
    pub expires: Option<String>,
    pub timeout: Option<String>,
    pub heartbeat_timeout: Option<String>,
    pub retry: Option<Box<RawValue>>,
    pub retention: Option<String>,
    pub webhook: Option<String>,
    /// Why its record can't be read.
    pub error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LastRun {
    pub at: Option<Time>,
    pub task_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Workflows {
    pub workflows: Vec<Workflow>,
    pub next: Option<String>,
    pub searched: Searched,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Workflow {
    pub id: String,
    pub queue: String,
    pub workflow: String,
    pub state: String,
    pub progress: Counts,
    pub result: Option<Box<RawValue>>,
    pub error: Option<String>,
    pub enqueued_at: Option<Time>,
    pub next_at: Option<Time>,
    pub expires_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub webhook: Option<String>,
    pub retry_of: Option<String>,
}
