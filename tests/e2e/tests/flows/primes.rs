//! A task that computes: right, and over several instances if it takes long.

use handoff_e2e::{Host, Pair, on_every_pair, slot, time_ms};
use serde_json::json;
use std::time::Duration;

on_every_pair!(counted, continued_in_other_instances);

fn counted(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    // As `curl -d` sends it.
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = br#"{"task": "primes.count", "args": {"below": 20000000}}"#;
    let reply = http.send("POST", "/v1/tasks", &headers, body).expect(202);
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    let task = http.get(&format!("/v1/tasks/{id}?wait=20s")).expect(200);
    let task = task.json();
    assert_eq!(task["state"], "succeeded", "{task:#}");
    let result = json!({"below": 20_000_000, "primes": 1_270_607});
    assert_eq!(task["result"], result);
    assert_eq!(task["attempt"], 1);
    assert_eq!(task["progress"], json!({"percent": 100}));
    assert_eq!(task["errors"], json!([]));
}

fn continued_in_other_instances(pair: Pair) {
    let host = Host::start(pair, &[("worker_budget", "1s")]);
    let http = host.http();
    let below: u64 = 1_000_000_000;
    let id = http.enqueue(&json!({"task": "primes.count", "args": {"below": below}}));
    let task = http.succeeded(&id, Duration::from_secs(120));
    assert_eq!(
        task["result"],
        json!({"below": below, "primes": 50_847_534})
    );
    assert_eq!(task["attempt"], 1, "{task:#}");
    assert_eq!(task["errors"], json!([]), "{task:#}");

    let all_ms = time_ms(&task, "ended_at") - time_ms(&task, "enqueued_at");
    assert!(all_ms >= 3_000, "too fast to need several: {all_ms} ms");
    // The times are those of the last instance.
    let last_ms = time_ms(&task, "ended_at") - time_ms(&task, "started_at");
    assert!(last_ms < 2_500, "the last instance took {last_ms} ms");
    // Every handover is announced in a slot of its own.
    let next = http.enqueue(&json!({"task": "echo"}));
    let handovers = slot(&next) - slot(&id) - 1;
    assert!(handovers >= 2, "handed over {handovers} times");
}
