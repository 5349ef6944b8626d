//! Limits of a queue: how many run at once, and begin in a period.

use handoff_e2e::{Client, Host, Pair, on_every_pair};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(
    no_more_at_once_than_may,
    no_more_in_a_period_than_may,
    one_tenant_does_not_crowd_out_others,
    limits_that_cannot_be_read_are_named
);

const QUEUES: (&str, &str) = ("queues", "default emails");
const LIMIT: Duration = Duration::from_secs(40);

/// The tasks when all have succeeded.
fn batch(http: &Client, count: usize, task: &Value) -> Vec<Value> {
    let tasks = vec![task; count];
    let batch = json!({"queue": "emails", "tasks": tasks});
    let answer = http.post("/v1/tasks:batch", &batch).expect(202).json();
    let ids = answer["tasks"].as_array().expect("a list").iter();
    ids.map(|task| http.succeeded(task["id"].as_str().expect("an id"), LIMIT))
        .collect()
}

/// When each began and ended, in milliseconds, the earliest first.
fn runs(tasks: &[Value]) -> Vec<(u64, u64)> {
    let time = |task: &Value, field: &str| {
        let text = task[field].as_str().expect("a time").to_owned();
        let time: handoff_wire::Time = text.parse().expect("a time");
        time.ms
    };
    let runs = tasks
        .iter()
        .map(|task| (time(task, "started_at"), time(task, "ended_at")));
    let mut runs: Vec<_> = runs.collect();
    runs.sort_unstable();
    runs
}

fn no_more_at_once_than_may(pair: Pair) {
    let limits = ("queue_limits", r#"{"emails": {"concurrency": 1}}"#);
    let host = Host::start(pair, &[QUEUES, limits]);
    let http = host.http();
    let sleep = json!({"task": "sleep", "args": {"for": "400ms"}});
    let runs = runs(&batch(http, 5, &sleep));
    for (one, next) in runs.iter().zip(&runs[1..]) {
        assert!(one.1 <= next.0, "two ran at once: {runs:?}");
    }
    let none = json!({"concurrency": null, "rate": null});
    let queue = http.get("/v1/queues/emails").expect(200).json();
    assert_eq!(
        queue["limits"],
        json!({"concurrency": 1, "rate": null, "per_key": none})
    );
    let queue = http.get("/v1/queues/default").expect(200).json();
    assert_eq!(
        queue["limits"],
        json!({"concurrency": null, "rate": null, "per_key": none})
    );
}

fn no_more_in_a_period_than_may(pair: Pair) {
    let limits = ("queue_limits", r#"{"emails": {"rate": "1/s"}}"#);
    let host = Host::start(pair, &[QUEUES, limits]);
    let http = host.http();
    // Nobody asks for them meanwhile but for the first.
    let runs = runs(&batch(http, 6, &json!({"task": "echo"})));
    // In six seconds one after the other; the first may have been late by up to two.
    let took_ms = runs[5].0 - runs[0].0;
    assert!(took_ms >= 2_000, "{runs:?}");
    let queue = http.get("/v1/queues/emails").expect(200).json();
    assert_eq!(queue["limits"]["rate"], "1/s");
}

fn one_tenant_does_not_crowd_out_others(pair: Pair) {
    let limits = (
        "queue_limits",
        r#"{"emails": {"per_key": {"concurrency": 1}}}"#,
    );
    let host = Host::start(pair, &[QUEUES, limits]);
    let http = host.http();
    let sleep = |key: &str| json!({"task": "sleep", "args": {"for": "700ms"}, "key": key});
    let tasks = vec![sleep("customer-17"); 6];
    let crowd = json!({"queue": "emails", "tasks": tasks});
    let crowd = http.post("/v1/tasks:batch", &crowd).expect(202).json();
    let other = batch(http, 1, &sleep("customer-18"));
    assert_eq!(other[0]["key"], "customer-18");
    let ids = crowd["tasks"].as_array().expect("a list").iter();
    let crowd: Vec<_> = ids
        .map(|task| http.succeeded(task["id"].as_str().expect("an id"), LIMIT))
        .collect();
    let crowd = runs(&crowd);
    for (one, next) in crowd.iter().zip(&crowd[1..]) {
        assert!(one.1 <= next.0, "two ran at once: {crowd:?}");
    }
    // It ended long before those that came before it.
    assert!(runs(&other)[0].1 < crowd[5].0, "{other:?} {crowd:?}");
    for wrong in [json!(""), json!("x".repeat(129)), json!(17)] {
        let task = json!({"task": "echo", "key": wrong});
        let reply = http.post("/v1/tasks", &task);
        reply.expect_problem(400, "invalid-request", Some("key"));
    }
}

fn limits_that_cannot_be_read_are_named(pair: Pair) {
    let table = [
        (r#"{"emails": {"rate": "often"}}"#, "emails.rate"),
        (r#"{"emails": {"speed": 1}}"#, "emails.speed"),
        (r#"{"fax": {"concurrency": 1}}"#, "fax"),
        ("4 at once", "it must be a JSON object, not 4"),
    ];
    for (limits, part) in table {
        let host = Host::start(pair, &[QUEUES, ("queue_limits", limits)]);
        // The task stays until an operator corrects the limits.
        let id = host.http().enqueue(&json!({"task": "echo"}));
        let reply = host.http().get("/readyz");
        reply.expect_problem(500, "misconfigured", None);
        let text = reply.text();
        for part in ["queue_limits", part] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(host.http().task(&id)["state"], "queued");
        host.http().get("/healthz").expect(200);
    }
}
