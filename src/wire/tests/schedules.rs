//! Schedules of callers: which ones are taken, and what is wrong with the others.

use handoff_queue::{Missed, Overlap, Priority, Rule, Schedule};
use handoff_tasks::registry;
use handoff_wire::{FieldError, ScheduleRequest, from_json};
use serde_json::{Value, json};

fn check(body: Value) -> Result<Schedule, FieldError> {
    from_json::<ScheduleRequest>(&body.into())?.check("a", "default", &registry())
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
