//! What is special about a Redis that the components reach themselves: its address, its password, and that each instance has a
//! connection of its own.

use handoff_e2e::{Host, Pair, Reply, on, until};
use serde_json::json;
use std::time::Duration;

on!(Some: the_password_is_used_and_never_shown: local_outbound LOCAL_OUTBOUND, spin_outbound SPIN_OUTBOUND);
on!(Some: a_worker_connects_again: local_outbound LOCAL_OUTBOUND, spin_outbound SPIN_OUTBOUND);

const PASSWORD: &str = "hunter2-never-shown";

/// Refused, in words that say what to do and do not show the password; and alive all the same.
#[track_caller]
fn assert_refused(host: &Host, status: u16, kind: &str, words: &str) {
    let shows = |reply: &Reply| reply.text().contains(PASSWORD);
    let readiness = host.http().get("/readyz");
    let enqueued = host.http().post("/v1/tasks", &json!({"task": "echo"}));
    for reply in [&readiness, &enqueued] {
        reply.expect_problem(status, kind, None);
        assert!(!shows(reply), "{}", reply.text());
        assert!(reply.text().contains(words), "{}", reply.text());
    }
    host.http().get("/healthz").expect(200);
    let output = host.output();
    assert!(!output.contains(PASSWORD), "{output}");
}

fn the_password_is_used_and_never_shown(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let url = host.redis().url();
    let with = |password: &str, rest: &str| url.replace("//", &format!("//:{password}@")) + rest;
    host.redis().set("requirepass", PASSWORD);

    // With another password, and without.
    host.restart_with("store", &with(&format!("not-{PASSWORD}"), ""));
    assert_refused(&host, 503, "store-unavailable", &url);
    host.restart_with("store", &url);
    assert_refused(&host, 503, "store-unavailable", &url);
    // What can't be read, and where it may not go.
    host.restart_with("store", &with(PASSWORD, "/x"));
    assert_refused(&host, 500, "misconfigured", "redis://[USER:PASSWORD@]HOST");
    host.restart_with("store", &format!("redis://:{PASSWORD}@192.0.2.1"));
    assert_refused(
        &host,
        503,
        "store-unavailable",
        r#"name \"redis://192.0.2.1:6379\""#,
    );

    host.restart_with("store", &with(PASSWORD, "/1"));
    host.http().get("/readyz").expect(200);
    let id = host.http().enqueue(&json!({"task": "echo", "args": 7}));
    let task = host.http().succeeded(&id, Duration::from_secs(20));
    assert_eq!(task["result"], 7);
    host.redis().kill9();
    assert_refused(&host, 503, "store-unavailable", &url);
}

/// The worker that runs the task is connected to the Redis that goes, and writes the outcome to the one that came. Otherwise the
/// task would run again when its lease is over, after a minute.
fn a_worker_connects_again(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let id = http.enqueue(&json!({"task": "sleep", "args": {"for": "4s"}, "timeout": "1m"}));
    // It is called running when it was taken. That it has begun is known a second later.
    until("the task runs", Duration::from_secs(10), || {
        http.task(&id).get("started_at").map(drop)
    });
    host.redis().restart();
    let task = http.succeeded(&id, Duration::from_secs(30));
    assert_eq!(task["attempt"], 1, "{task:#}");
}
