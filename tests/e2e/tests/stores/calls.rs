//! Every call that needs the store, and what it answers when the store fails.

use handoff_e2e::{Client, Reply};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long it may take until what was lost has run again. Leases here are 2 s to begin, 4 s of timeout and 3 s between
/// clocks; rescue looks at a slot 10 s after its ticket, and the keeper's work is done every 5 s.
pub(crate) const RECOVERY: Duration = Duration::from_secs(2 + 4 + 3 + 10 + 3 * 5);

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
}

impl Call {
    pub(crate) fn send(&self, http: &Client) -> Reply {
        match self.body {
            Value::Null => http.send(self.method, &self.path, &[], b""),
            _ => http.post(&self.path, &self.body),
        }
    }
}

fn call(method: &'static str, path: impl Into<String>, body: Value) -> Call {
    let path = path.into();
    Call { method, path, body }
}

/// Calls that write; `open` is a task that is not final.
pub(crate) fn writing(open: &str) -> Vec<Call> {
    let echo = json!({"task": "echo"});
    let delayed = json!({"task": "echo", "delay": "1h"});
    vec![
        call("POST", "/v1/tasks", echo.clone()),
        call("POST", "/v1/tasks", delayed.clone()),
        call("POST", "/v1/tasks:batch", json!({"tasks": [echo, delayed]})),
        call("POST", "/ping", Value::Null),
        call("DELETE", format!("/v1/tasks/{open}"), Value::Null),
    ]
}

/// Calls that only read; `id` is any task.
pub(crate) fn reading(id: &str) -> Vec<Call> {
    vec![
        call("GET", format!("/v1/tasks/{id}"), Value::Null),
        call("GET", format!("/v1/tasks/{id}?wait=200ms"), Value::Null),
        call("GET", format!("/status/{id}"), Value::Null),
    ]
}

/// Fails the test unless the answer says that the store failed, and what to do.
#[track_caller]
pub(crate) fn assert_refused(call: &Call, reply: &Reply) {
    if let Err(difference) = reply.is_problem(503, "store-unavailable", None) {
        panic!("{call:?}: {difference}");
    }
    let seconds = reply.header("retry-after").map(str::parse::<u64>);
    assert!(matches!(seconds, Some(Ok(1..))), "{call:?}: {seconds:?}");
    let text = reply.json()["detail"].to_string();
    assert!(text.contains("the store failed to"), "{call:?}: {text}");
    assert!(text.contains("Repeat the request"), "{call:?}: {text}");
}

/// The ids of a batch that was acknowledged.
pub(crate) fn ids(reply: &Reply) -> Vec<String> {
    let tasks = reply.json()["tasks"].clone();
    let tasks = tasks.as_array().expect("a list");
    let id = |task: &Value| task["id"].as_str().expect("an id").to_owned();
    tasks.iter().map(id).collect()
}

/// Asks until the call is not refused any more.
#[track_caller]
pub(crate) fn insist(http: &Client, call: &Call, limit: Duration) -> Reply {
    let end = Instant::now() + limit;
    loop {
        let reply = call.send(http);
        if reply.status != 503 {
            return reply;
        }
        assert_refused(call, &reply);
        assert!(Instant::now() < end, "{call:?}: {}", reply.text());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A new task.
pub(crate) fn enqueue(task: Value) -> Call {
    call("POST", "/v1/tasks", task)
}

/// The task object.
pub(crate) fn show(id: &str) -> Call {
    call("GET", format!("/v1/tasks/{id}"), Value::Null)
}

/// A request to cancel.
pub(crate) fn cancel(id: &str) -> Call {
    call("DELETE", format!("/v1/tasks/{id}"), Value::Null)
}

/// Fails the test unless what was acknowledged before the store failed ends, `done` is as it was, and the store is good again.
#[track_caller]
pub(crate) fn goes_on(http: &Client, done: &Value, acknowledged: &[String]) {
    for id in acknowledged {
        http.succeeded(id, RECOVERY);
    }
    let id = done["id"].as_str().expect("an id");
    assert_eq!(http.task(id), *done);
    http.get("/readyz").expect(200);
}

/// The id of a task, if it was acknowledged. No answer, or a 503, is none.
pub(crate) fn try_to_enqueue(http: &Client, body: &Value) -> Option<String> {
    let headers = [("content-type", "application/json")];
    let body = body.to_string();
    let reply = http.try_send("POST", "/v1/tasks", &headers, body.as_bytes());
    let reply = reply.ok().filter(|reply| reply.status != 503)?;
    let task = reply.expect(202).json();
    Some(task["id"].as_str().expect("an id").to_owned())
}
