//! Schedules as callers describe them. A put checks the cron expression here.

use super::kinds::Kinds;
use super::task::{RetryRequest, TaskRequest};
use crate::{Cron, Duration, FieldError, Object, ReadOnly, Word, quoted};
use handoff_queue::{
    DELAY_MAX_MS, EVERY_MAX_MS, EVERY_MIN_MS, Json, Missed, Overlap, Priority, Rule, Schedule,
};
use serde::Deserialize;

/// The body of `PUT /v1/schedules/{name}`. It may also have the read-only fields that `GET` shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    cron: Option<String>,
    timezone: Option<String>,
    every: Option<Duration>,
    overlap: Option<Word<Overlap>>,
    missed: Option<Word<Missed>>,
    task: String,
    queue: Option<String>,
    args: Option<Json>,
    expires: Option<Duration>,
    priority: Option<Word<Priority>>,
    timeout: Option<Duration>,
    heartbeat_timeout: Option<Duration>,
    retry: Option<Object<RetryRequest>>,
    retention: Option<Duration>,
    webhook: Option<String>,
    key: Option<String>,
    name: Option<String>,
    #[serde(rename = "paused")]
    _paused: Option<ReadOnly>,
    #[serde(rename = "next_run")]
    _next_run: Option<ReadOnly>,
    #[serde(rename = "last_run")]
    _last_run: Option<ReadOnly>,
    #[serde(rename = "put_at")]
    _put_at: Option<ReadOnly>,
}

impl ScheduleRequest {
    /// The queue that the request names for the tasks.
    pub fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    /// Checks the whole schedule, so that its tasks can run. `queue` is their queue.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    pub fn check(
        self,
        name: &str,
        queue: &str,
        kinds: &impl Kinds,
    ) -> Result<Schedule, FieldError> {
        if let Some(other) = self.name.filter(|other| *other != name) {
            let reason = format!(
                "{} is not the name in the path, {name:?}; leave it out, or put it there",
                quoted(&other)
            );
            return Err(FieldError::new("name", reason));
        }
        let rule = rule(self.cron, self.timezone, self.every)?;
        let expires_after_ms = self
            .expires
            .map(|expires| expires.between("expires", 1, DELAY_MAX_MS))
            .transpose()?;
        let task = TaskRequest {
            task: self.task,
            args: self.args,
            priority: self.priority,
            timeout: self.timeout,
            heartbeat_timeout: self.heartbeat_timeout,
            retry: self.retry,
            retention: self.retention,
            webhook: self.webhook,
            key: self.key,
            ..TaskRequest::default()
        };
        Ok(Schedule {
            name: name.to_owned(),
            rule,
            queue: queue.to_owned(),
            task: task.check(kinds, 0)?.task,
            expires_after_ms,
            overlap: self.overlap.map_or_else(Overlap::default, |word| word.0),
            missed: self.missed.map_or_else(Missed::default, |word| word.0),
        })
    }
}

fn rule(
    cron: Option<String>,
    timezone: Option<String>,
    every: Option<Duration>,
) -> Result<Rule, FieldError> {
    let wrong = |field, reason: &str| Err(FieldError::new(field, reason));
    match (cron, every) {
        (Some(_), Some(_)) => wrong("every", "cron and every exclude each other"),
        (None, None) => wrong(
            "cron",
            "it needs one, such as \"30 6 * * MON-FRI\", or `every`, such as \"10m\"",
        ),
        (None, Some(_)) if timezone.is_some() => wrong("timezone", "it goes with cron, not every"),
        (None, Some(every)) => {
            let every_ms = every.between("every", EVERY_MIN_MS, EVERY_MAX_MS)?;
            Ok(Rule::Every(every_ms))
        }
        (Some(expression), None) => {
            let timezone = timezone.unwrap_or_else(|| "UTC".to_owned());
            Cron::new(&expression, &timezone)?;
            Ok(Rule::Cron(handoff_queue::Cron {
                expression,
                timezone,
            }))
        }
    }
}
