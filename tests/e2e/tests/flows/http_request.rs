//! The task that delivers an HTTP request.

use handoff_e2e::{Answer, Client, Host, Pair, Received, TestServer, on_every_pair, time_ms};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(
    judged_by_status,
    put_off_without_an_attempt,
    put_off_for_ever
);

const LIMIT: Duration = Duration::from_secs(40);

fn answer(request: &Received) -> Answer {
    match (request.path.as_str(), request.nth) {
        ("/good", _) => Answer::new(200, r#"{"good": true}"#),
        ("/text", _) => Answer::new(204, ""),
        ("/broken-once", 1) => Answer::new(500, "out of order"),
        ("/broken-once", _) => Answer::new(200, "in order"),
        ("/never", _) => Answer::new(503, "").header("retry-after", "0"),
        ("/later", 1) => Answer::new(429, "not now").header("retry-after", "2"),
        ("/later", _) => Answer::new(200, "now"),
        ("/large", _) => Answer::new(200, &"x".repeat(300_000)),
        ("/elsewhere", _) => Answer::new(302, "").header("location", "/good"),
        _ => Answer::new(404, "nothing here"),
    }
}

fn enqueue(http: &Client, args: &Value, attempts: u32) -> String {
    let retry = json!({"attempts": attempts, "initial": "100ms"});
    http.enqueue(&json!({"task": "http.request", "args": args, "retry": retry}))
}

fn judged_by_status(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let server = TestServer::start(answer);
    let to = |path: &str| json!({"url": server.url(path)});
    let post = json!({
        "url": server.url("/good"), "method": "POST", "headers": {"x-one": "1"}, "body": {"a": 1},
    });
    let own = json!({"url": "http://handoff.spin.internal/healthz"});
    let closed = json!({"url": "http://127.0.0.1:1/"});
    let denied = json!({"url": "http://192.0.2.1/"});
    let [
        good,
        text,
        own,
        broken,
        missing,
        elsewhere,
        closed,
        denied,
        large,
    ] = [
        (post, 1),
        (to("/text"), 1),
        (own, 1),
        (to("/broken-once"), 3),
        (to("/missing"), 3),
        (to("/elsewhere"), 3),
        (closed, 2),
        (denied, 2),
        (to("/large"), 2),
    ]
    .map(|(args, attempts)| enqueue(http, &args, attempts));

    posted_once(http, &server, &good);
    let text = http.succeeded(&text, LIMIT);
    assert_eq!(text["result"], json!({"status": 204, "body": ""}));
    let own = http.succeeded(&own, LIMIT);
    assert_eq!(
        own["result"],
        json!({"status": 200, "body": {"status": "alive"}})
    );

    let broken = http.succeeded(&broken, LIMIT);
    assert_eq!(broken["attempt"], 2);
    assert_eq!(broken["result"]["body"], "in order");
    assert_eq!(broken["errors"][0]["error"], "answered 500: out of order");
    let closed = http.finished(&closed, LIMIT);
    assert_eq!(closed["state"], "failed", "{closed:#}");
    assert_eq!(closed["attempt"], 2, "{closed:#}");

    // Another attempt would not help.
    assert_eq!(
        error_of_only_attempt(http, &missing),
        "answered 404: nothing here"
    );
    assert_eq!(
        error_of_only_attempt(http, &elsewhere),
        "answered 302 without a body"
    );
    for (id, reason) in [(denied, "allowed_outbound_hosts"), (large, "bytes")] {
        let error = error_of_only_attempt(http, &id);
        assert!(error.contains(reason), "{error}");
    }
    for path in ["/missing", "/elsewhere", "/large"] {
        assert_eq!(server.received(path).len(), 1, "{path}");
    }
}

fn posted_once(http: &Client, server: &TestServer, id: &str) {
    let task = http.succeeded(id, LIMIT);
    assert_eq!(
        task["result"],
        json!({"status": 200, "body": {"good": true}})
    );
    let received = server.received("/good");
    assert_eq!(received.len(), 1, "sent once, and no redirect followed");
    assert_eq!(received[0].method, "POST");
    assert_eq!(received[0].headers["x-one"], "1");
    assert_eq!(received[0].body, br#"{"a":1}"#);
}

fn error_of_only_attempt(http: &Client, id: &str) -> String {
    let task = http.finished(id, LIMIT);
    assert_eq!(task["state"], "failed", "{task:#}");
    assert_eq!(task["attempt"], 1, "{task:#}");
    task["error"].as_str().unwrap_or_default().to_owned()
}

/// Retry-After is the other side's word that nothing is wrong: it costs no attempt.
fn put_off_without_an_attempt(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let server = TestServer::start(answer);
    let later = enqueue(http, &json!({"url": server.url("/later")}), 2);
    let only_attempt = {
        let second = TestServer::start(answer);
        let id = enqueue(http, &json!({"url": second.url("/later")}), 1);
        (id, second)
    };

    let later = http.succeeded(&later, LIMIT);
    assert_eq!(later["result"]["body"], "now");
    assert_eq!(server.received("/later").len(), 2);
    let waited_ms = time_ms(&later, "started_at") - time_ms(&later, "enqueued_at");
    assert!(waited_ms >= 2_000, "{later:#}");

    let (id, _second) = only_attempt;
    let task = http.succeeded(&id, LIMIT);
    assert_eq!(task["attempt"], 1, "{task:#}");
}

/// An attempt may be put off ten times, and the next time it has failed.
fn put_off_for_ever(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let server = TestServer::start(answer);
    let id = enqueue(http, &json!({"url": server.url("/never")}), 1);
    let task = http.finished(&id, LIMIT);
    assert_eq!(task["state"], "failed", "{task:#}");
    let error = task["error"].as_str().unwrap_or_default();
    assert!(error.contains("snoozed 11 times"), "{task:#}");
    assert_eq!(server.received("/never").len(), 11);
}
