//! Answers that wait for the end of a task: by the parameter `wait`, and by `Prefer: wait`.

use handoff_e2e::{Client, Host, Pair, Reply, on_every_pair};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_every_pair!(enqueued_and_answered_with_the_end, preferred, refused_waits);

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(http: &Client, path: &str, headers: &[(&str, &str)], task: &Value) -> Reply {
    let mut all = vec![JSON];
    all.extend(headers);
    http.send("POST", path, &all, task.to_string().as_bytes())
}

fn echo() -> Value {
    json!({"task": "echo", "args": {"a": [1, "two"]}})
}

fn sleep(duration: &str) -> Value {
    json!({"task": "sleep", "args": {"for": duration}})
}

fn enqueued_and_answered_with_the_end(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let asked = Instant::now();
    let reply = post(http, "/v1/tasks?wait=20s", &[], &echo()).expect(200);
    // Nobody works yet: it woke a worker before it waited.
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    let task = reply.json();
    let id = task["id"].as_str().expect("an id");
    let location = format!("/v1/tasks/{id}");
    assert_eq!(reply.header("location"), Some(location.as_str()));
    assert_eq!(reply.header("preference-applied"), None);
    assert_eq!(task["state"], "succeeded", "{task:#}");
    assert_eq!(task["result"], echo()["args"]);
    assert_eq!(http.task(id), task);

    let bad = json!({"task": "http.request", "args": {"url": "http://127.0.0.1:1/"}, "retry": {"attempts": 1}});
    let reply = post(http, "/v1/tasks?wait=20s", &[], &bad).expect(200);
    assert_eq!(reply.json()["state"], "failed", "{}", reply.text());

    // Not in time: taken, as without a wait.
    let asked = Instant::now();
    let reply = post(http, "/v1/tasks?wait=300ms", &[], &sleep("3s")).expect(202);
    assert!(asked.elapsed() >= Duration::from_millis(300));
    let task = reply.json();
    assert_eq!(task["state"], "queued");
    let id = task["id"].as_str().expect("an id");
    let location = format!("/v1/tasks/{id}");
    assert_eq!(reply.header("location"), Some(location.as_str()));
    http.succeeded(id, Duration::from_secs(20));
}

fn preferred(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let prefer = |value| [("prefer", value)];
    let reply = post(
        http,
        "/v1/tasks",
        &prefer("respond-async, wait=20"),
        &echo(),
    )
    .expect(200);
    assert_eq!(reply.header("preference-applied"), Some("wait=20"));
    assert_eq!(reply.json()["state"], "succeeded");

    let asked = Instant::now();
    let reply = post(http, "/v1/tasks", &prefer("wait=1"), &sleep("4s")).expect(202);
    assert!(asked.elapsed() >= Duration::from_secs(1));
    assert_eq!(reply.header("preference-applied"), Some("wait=1"));
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/tasks/{id}");
    let get = |path: &str, value| http.send("GET", path, &prefer(value), b"").expect(200);
    let reply = get(&path, "wait=0");
    assert_eq!(reply.header("preference-applied"), Some("wait=0"));
    assert_ne!(reply.json()["state"], "succeeded");
    // More than is waited for: the answer says how long that is.
    let reply = get(&path, "wait=86400");
    assert_eq!(reply.header("preference-applied"), Some("wait=60"));
    assert_eq!(reply.json()["state"], "succeeded");

    // What can't be read is no preference, and the parameter counts first.
    for (path, value) in [
        (path.clone(), "wait=soon"),
        (path.clone(), "handling=strict"),
        (format!("{path}?wait=0s"), "wait=20"),
    ] {
        assert_eq!(
            get(&path, value).header("preference-applied"),
            None,
            "{path} {value}"
        );
    }
}

fn refused_waits(pair: Pair) {
    let host = Host::start(pair, &[]);
    crate::unchanged::changes_nothing(&host, |host| {
        for (query, field) in [
            ("wait=-1s", "wait"),
            ("wait=61s", "wait"),
            ("wait", "wait"),
            ("waits=1s", "waits"),
        ] {
            let reply = post(host.http(), &format!("/v1/tasks?{query}"), &[], &echo());
            reply.expect_problem(400, "invalid-request", Some(field));
        }
    });
}
