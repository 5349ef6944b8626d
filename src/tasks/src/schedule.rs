//! Schedules as callers describe them. A put checks the cron expression here.

use crate::Registry;
use crate::request::{RetryRequest, TaskRequest};
use handoff_input::{Cron, Duration, FieldError, Object, ReadOnly, Word, quoted};
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
        registry: &Registry,
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
            task: task.check(registry, 0)?.task,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use handoff_input::from_json;
    use serde_json::{Value, json};

    fn check(body: Value) -> Result<Schedule, FieldError> {
        from_json::<ScheduleRequest>(&body.into())?.check("a", "default", &registry(false))
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let schedule = check(json!({"cron": "0 6 * * *", "task": "echo"})).expect("it is one");
        let rule = Rule::Cron(handoff_queue::Cron {
            expression: "0 6 * * *".to_owned(),
            timezone: "UTC".to_owned(),
        });
        assert_eq!(schedule.rule, rule);
        assert_eq!(schedule.overlap, Overlap::Queue);
        assert_eq!(schedule.missed, Missed::Latest);
        assert_eq!(schedule.task.args, json!({}));
        assert_eq!(schedule.task.priority, Priority::Normal);
        let body = json!({
            "every": "1m", "task": "sleep", "args": {"for": "1s"}, "overlap": "skip", "missed": "all",
            "expires": "30s", "priority": "low", "timeout": "5s", "retry": {"attempts": 1}, "retention": "1h",
        });
        let schedule = check(body).expect("it is one");
        assert_eq!(schedule.rule, Rule::Every(60_000));
        assert_eq!(schedule.overlap, Overlap::Skip);
        assert_eq!(schedule.missed, Missed::All);
        assert_eq!(schedule.expires_after_ms, Some(30_000));
        assert_eq!(
            (schedule.task.timeout_ms, schedule.task.retention_ms),
            (5_000, 3_600_000)
        );
        assert_eq!(schedule.task.retry.attempts, 1);
        assert_eq!(schedule.task.priority, Priority::Low);
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        let table = [
            (json!({"task": "echo"}), "cron"),
            (
                json!({"task": "echo", "cron": "* * * * *", "every": "1m"}),
                "every",
            ),
            (
                json!({"task": "echo", "every": "1m", "timezone": "UTC"}),
                "timezone",
            ),
            (json!({"task": "echo", "every": "999ms"}), "every"),
            (json!({"task": "echo", "every": "366d"}), "every"),
            (json!({"task": "echo", "every": 60}), "every"),
            (json!({"task": "echo", "cron": "* * *"}), "cron"),
            (
                json!({"task": "echo", "cron": "* * * * *", "timezone": "CEST?"}),
                "timezone",
            ),
            (
                json!({"task": "echo", "every": "1m", "overlap": "wait"}),
                "overlap",
            ),
            (
                json!({"task": "echo", "every": "1m", "missed": "some"}),
                "missed",
            ),
            (
                json!({"task": "echo", "every": "1m", "priority": 1}),
                "priority",
            ),
            (json!({"task": "no.such", "every": "1m"}), "task"),
            (json!({"every": "1m"}), "task"),
            (json!({"task": "sleep", "every": "1m"}), "args.for"),
            (
                json!({"task": "sleep", "every": "1m", "args": {"for": 1}}),
                "args.for",
            ),
            (
                json!({"task": "echo", "every": "1m", "timeout": "0s"}),
                "timeout",
            ),
            (
                json!({"task": "echo", "every": "1m", "expires": "31d"}),
                "expires",
            ),
            (
                json!({"task": "echo", "every": "1m", "retry": {"attempts": 0}}),
                "retry.attempts",
            ),
            (
                json!({"task": "echo", "every": "1m", "delay": "1s"}),
                "delay",
            ),
            (
                json!({"task": "echo", "every": "1m", "idempotency_key": "a"}),
                "idempotency_key",
            ),
        ];
        for (body, field) in table {
            let e = check(body.clone()).expect_err(&body.to_string());
            assert_eq!(e.field.as_deref(), Some(field), "{body}: {e}");
        }
    }
}
