//! Tasks that are not to begin after a time.

use handoff_e2e::{Client, Host, Pair, on_every_pair, time_ms};
use handoff_wire::Time;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

on_every_pair!(only_what_waits_too_long_expires);

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_millis() as u64
}

/// Enqueues a task, and returns the task object of the answer.
fn enqueue(http: &Client, task: &Value) -> Value {
    http.post("/v1/tasks", task).expect(202).json()
}

fn id(task: &Value) -> &str {
    task["id"].as_str().expect("an id")
}

fn only_what_waits_too_long_expires(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let asked_ms = now_ms();
    let soon = enqueue(http, &json!({"task": "echo", "expires": "30s"}));
    let expires_ms = time_ms(&soon, "expires_at");
    assert!(
        (asked_ms + 30_000..=now_ms() + 30_000).contains(&expires_ms),
        "{soon:#}"
    );
    let soon = http.succeeded(id(&soon), Duration::from_secs(20));
    assert_eq!(time_ms(&soon, "expires_at"), expires_ms);

    let at_ms = now_ms() + 3_600_000;
    let at = Time { ms: at_ms }.to_string();
    let delayed = enqueue(
        http,
        &json!({"task": "echo", "delay": "59m", "expires": at}),
    );
    assert_eq!(time_ms(&delayed, "expires_at"), at_ms);
    assert_eq!(delayed["state"], "scheduled");

    // The timer delivers in whole seconds: that is too late for the one, and in time for the other.
    let due_ms = now_ms().next_multiple_of(1_000) + 2_200;
    let due = |expires_ms| {
        let [eta, expires] = [due_ms, expires_ms].map(|ms| Time { ms }.to_string());
        enqueue(
            http,
            &json!({"task": "echo", "eta": eta, "expires": expires}),
        )
    };
    let (late, early) = (due(due_ms + 100), due(due_ms + 30_000));
    http.succeeded(id(&early), Duration::from_secs(20));
    let late = http.finished(id(&late), Duration::from_secs(20));
    assert_eq!(late["state"], "expired", "{late:#}");
    assert_eq!(late["attempt"], 0, "{late:#}");
    assert!(
        late.get("started_at").is_none() && late.get("result").is_none(),
        "{late:#}"
    );
    assert!(
        time_ms(&late, "ended_at") > time_ms(&late, "expires_at"),
        "{late:#}"
    );
    let status = http.get(&format!("/status/{}", id(&late))).expect(200);
    assert_eq!(status.json(), json!({"status": "expired"}));
    // Final: there is nothing to cancel, and nothing to wait for.
    let path = format!("/v1/tasks/{}", id(&late));
    assert_eq!(http.delete(&path).expect(200).json(), late);
    assert_eq!(
        http.get(&format!("{path}?wait=20s")).expect(200).json(),
        late
    );
    let told: Vec<_> = http.events(&path, None).collect();
    assert_eq!(
        told.last().map(|e| (e.name.as_str(), &e.data)),
        Some(("end", &late))
    );

    // What began in time is left alone.
    let began = enqueue(
        http,
        &json!({"task": "sleep", "args": {"for": "3s"}, "expires": "2s"}),
    );
    let began = http.succeeded(id(&began), Duration::from_secs(20));
    assert!(
        time_ms(&began, "ended_at") > time_ms(&began, "expires_at"),
        "{began:#}"
    );
}
