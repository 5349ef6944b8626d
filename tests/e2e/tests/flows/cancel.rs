//! Cancelling: before a task runs, while it runs, and too late.

use handoff_e2e::{Answer, Client, Host, Pair, TestServer, on_every_pair, time_ms, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_every_pair!(waiting_running_and_final, while_it_waits_for_an_answer);

fn cancel(http: &Client, id: &str, status: u16) -> Value {
    http.delete(&format!("/v1/tasks/{id}"))
        .expect(status)
        .json()
}

fn waiting_running_and_final(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();

    let delayed = http.enqueue(&json!({"task": "echo", "delay": "2s"}));
    let cancelled = cancel(http, &delayed, 200);
    assert_eq!(cancelled["state"], "cancelled", "{cancelled:#}");
    assert_eq!(cancelled["id"], delayed);
    assert!(time_ms(&cancelled, "ended_at") >= time_ms(&cancelled, "enqueued_at"));
    let status = http.get(&format!("/status/{delayed}")).expect(200).json();
    assert_eq!(status, json!({"status": "cancelled"}));

    let running = http.enqueue(&json!({"task": "sleep", "args": {"for": "30s"}}));
    until("the task runs", Duration::from_secs(10), || {
        (http.task(&running)["state"] == "running").then_some(())
    });
    let asked = Instant::now();
    let reply = cancel(http, &running, 202);
    assert_eq!(reply["state"], "running", "{reply:#}");
    let ended = http.finished(&running, Duration::from_secs(10));
    assert_eq!(ended["state"], "cancelled", "{ended:#}");
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    assert!(ended.get("result").is_none(), "{ended:#}");

    let done = http.enqueue(&json!({"task": "echo", "args": 7}));
    let before = http.succeeded(&done, Duration::from_secs(10));
    let after = cancel(http, &done, 200);
    assert_eq!(after, before);

    let retrying = json!({
        "task": "http.request",
        "args": {"url": "http://127.0.0.1:1/"},
        "retry": {"initial": "1h"},
    });
    let retrying = http.enqueue(&retrying);
    until("the task waits", Duration::from_secs(10), || {
        (http.task(&retrying)["state"] == "retrying").then_some(())
    });
    let cancelled = cancel(http, &retrying, 200);
    assert_eq!(cancelled["state"], "cancelled", "{cancelled:#}");
    assert_eq!(cancelled["errors"].as_array().map(Vec::len), Some(1));

    // Its time has come meanwhile: it stays as it is.
    until("the delay is over", Duration::from_secs(10), || {
        (asked.elapsed() > Duration::from_secs(4)).then_some(())
    });
    assert_eq!(http.task(&delayed)["state"], "cancelled");
    assert_eq!(cancel(http, &delayed, 200)["state"], "cancelled");

    let unknown = format!("{}0", &done[..done.len() - 1]);
    let unknown = if unknown == done {
        unknown.replace('0', "1")
    } else {
        unknown
    };
    http.delete(&format!("/v1/tasks/{unknown}"))
        .expect_problem(404, "unknown-task", None);
}

/// A request that a task has sent is not waited for any more.
fn while_it_waits_for_an_answer(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let (answers, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = TestServer::start(move |_| {
        // Until the test is over.
        _ = held.lock().map(|held| held.recv());
        Answer::new(200, "{}")
    });
    let id = http.enqueue(&json!({"task": "http.request", "args": {"url": server.url("/slow")}}));
    until("it has sent its request", Duration::from_secs(10), || {
        (server.received("/slow").len() == 1).then_some(())
    });
    cancel(http, &id, 202);
    let ended = http.finished(&id, Duration::from_secs(10));
    assert_eq!(ended["state"], "cancelled", "{ended:#}");
    assert!(time_ms(&ended, "ended_at") >= time_ms(&ended, "started_at"));
    drop(answers);
}
