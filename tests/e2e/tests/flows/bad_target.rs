//! Paths, methods and ids that lead nowhere.

use handoff_e2e::{Client, Host, Pair, on_every_pair, slot};
use serde_json::json;
use std::time::Duration;

on_every_pair!(wrong_methods_and_paths, wrong_ids);

fn wrong_methods_and_paths(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo"}));
    let (task, status) = (format!("/v1/tasks/{id}"), format!("/status/{id}"));
    for (path, allow) in [
        ("/ping", "GET, POST, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/readyz", "GET, HEAD, OPTIONS"),
        ("/v1/tasks", "POST, OPTIONS"),
        ("/v1/tasks:batch", "POST, OPTIONS"),
        ("/gather", "POST, OPTIONS"),
        (&task, "GET, HEAD, DELETE, OPTIONS"),
        (&status, "GET, HEAD, OPTIONS"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let reply = http.send(method, path, &[], b"");
            reply.expect_problem(405, "method-not-allowed", None);
            assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        }
    }
    for path in [
        "/",
        "/no",
        "/ping/",
        "/pingg",
        "/PING",
        "/v1",
        "/v1/",
        "/v1/task",
        "/v2/tasks",
        "/status",
        "/v1/tasks/a/b",
        "/v1/tasks/a/b/c/d/e/f",
        "/%00",
        "/healthz/",
    ] {
        http.get(path).expect_problem(404, "not-found", None);
    }
    http.succeeded(&id, Duration::from_secs(20));
    assert_eq!(slot(&http.enqueue(&json!({"task": "echo"}))), slot(&id) + 1);
}

/// The id with one character at `at` replaced.
fn changed(id: &str, at: usize) -> String {
    let mut bytes = id.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    String::from_utf8(bytes).expect("ASCII")
}

fn is_unknown(http: &Client, id: &str) {
    let path = format!("/v1/tasks/{id}");
    for reply in [
        http.get(&path),
        http.get(&format!("{path}?wait=1s")),
        http.delete(&path),
        http.get(&format!("/status/{id}")),
    ] {
        eprintln!("{id}");
        reply.expect_problem(404, "unknown-task", None);
    }
}

fn wrong_ids(pair: Pair) {
    let other = Host::start(pair, &[]);
    let foreign = other.http().enqueue(&json!({"task": "echo"}));
    drop(other);
    let host = Host::start(pair, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo"}));
    // The same slot, so that only the random part tells them apart.
    assert_eq!(slot(&foreign), slot(&id));
    let delayed = http.enqueue(&json!({"task": "echo", "delay": "1h"}));
    http.succeeded(&id, Duration::from_secs(20));

    is_unknown(http, &foreign);
    for id in [&id, &delayed] {
        // The queue's name, the dashes, the slot, and the random part's first, middle and last digit.
        for at in [0, 6, 7, 8, 9, 10, 20, id.len() - 1] {
            is_unknown(http, &changed(id, at));
        }
        is_unknown(http, &id[..id.len() - 1]);
        is_unknown(http, &format!("{id}0"));
        is_unknown(http, &id.to_uppercase());
        is_unknown(http, &id.replacen("default-", "default-0", 1));
        is_unknown(http, &format!("{id}%00"));
    }
    for id in [
        "default-3-0123456789abcdef01234567",
        "x",
        "..",
        "%2e%2e",
        "default--",
    ] {
        is_unknown(http, id);
    }
    for (query, field) in [
        ("wait=-1s", "wait"),
        ("wait=61s", "wait"),
        ("wait=", "wait"),
        ("wait", "wait"),
        ("wait=soon", "wait"),
        ("waits=1s", "waits"),
        ("wait=0s&a=b", "a"),
    ] {
        let reply = http.get(&format!("/v1/tasks/{id}?{query}"));
        reply.expect_problem(400, "invalid-request", Some(field));
    }
    assert_eq!(http.task(&delayed)["state"], "scheduled");
    assert_eq!(http.task(&id)["state"], "succeeded");
    assert_eq!(
        slot(&http.enqueue(&json!({"task": "echo"}))),
        slot(&delayed) + 1
    );
}
