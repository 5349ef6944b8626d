//! A field that is null is a field that is not given.

use crate::{schedule, task, workflow};

// The fields that may be null.
const OF_TASKS: &[&str] = &[
    "queue",
    "args",
    "delay",
    "eta",
    "expires",
    "priority",
    "timeout",
    "heartbeat_timeout",
    "retry",
    "retention",
    "webhook",
    "key",
    "idempotency_key",
    "idempotency_ttl",
];
const OF_RETRIES: &[&str] = &["attempts", "initial", "factor", "max"];
const OF_CALLS: &[&str] = &["method", "headers", "body", "timeout"];
const OF_SCHEDULES: &[&str] = &[
    "cron",
    "timezone",
    "overlap",
    "missed",
    "queue",
    "args",
    "expires",
    "priority",
    "timeout",
    "retry",
    "retention",
    "webhook",
    "key",
    "name",
    "next_run",
    "last_run",
    "put_at",
];
const OF_WORKFLOWS: &[&str] = &[
    "chain",
    "then",
    "on_failure",
    "queue",
    "priority",
    "delay",
    "eta",
    "expires",
    "retention",
    "webhook",
    "idempotency_key",
    "idempotency_ttl",
];
const OF_MEMBERS: &[&str] = &["args", "timeout", "retry"];

#[test]
fn null_is_not_given_in_any_field() {
    let plain = task(r#"{"task":"echo"}"#).expect("it is one");
    for field in OF_TASKS {
        let found = task(&format!(r#"{{"task":"echo","{field}":null}}"#));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    for field in OF_RETRIES {
        let found = task(&format!(r#"{{"task":"echo","retry":{{"{field}":null}}}}"#));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    for field in OF_CALLS {
        let args = format!(r#"{{"url":"http://x/","{field}":null}}"#);
        let found = task(&format!(r#"{{"task":"http.request","args":{args}}}"#));
        assert!(found.is_ok(), "{field}: {found:?}");
    }
    let plain = schedule(r#"{"task":"echo","every":"1m"}"#).expect("it is one");
    for field in OF_SCHEDULES {
        let found = schedule(&format!(r#"{{"task":"echo","every":"1m","{field}":null}}"#));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    let plain = workflow(r#"{"group":[{"task":"echo"}]}"#).expect("it is one");
    for field in OF_WORKFLOWS {
        let found = workflow(&format!(
            r#"{{"group":[{{"task":"echo"}}],"{field}":null}}"#
        ));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    for field in OF_MEMBERS {
        let found = workflow(&format!(
            r#"{{"group":[{{"task":"echo","{field}":null}}]}}"#
        ));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
}
