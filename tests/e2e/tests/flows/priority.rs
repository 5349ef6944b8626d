//! What is taken first.

use handoff_e2e::{Client, Host, Pair, on_every_pair, time_ms};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(high_before_low, shown_and_kept);

const EACH: usize = 30;
const LIMIT: Duration = Duration::from_secs(120);

fn operate(http: &Client, what: &str) -> Value {
    let path = format!("/v1/queues/default/{what}");
    http.post(&path, &json!({})).expect(200).json()
}

/// One worker, and tasks that compute: one after the other. Of 16 times one with low priority may be first.
fn high_before_low(pair: Pair) {
    let host = Host::start(pair, &[("workers_max", "1")]);
    let http = host.http();
    operate(http, "pause");
    let tasks = |priority: &str| {
        let task =
            json!({"task": "primes.count", "args": {"below": 100_000}, "priority": priority});
        vec![task; EACH]
    };
    let all: Vec<_> = tasks("low").into_iter().chain(tasks("high")).collect();
    let answer = http.post("/v1/tasks:batch", &json!({"tasks": all}));
    let answer = answer.expect(202).json();
    let queue = http.get("/v1/queues/default").expect(200).json();
    let waiting = json!({"high": EACH, "normal": 0, "low": EACH});
    assert_eq!(queue["waiting_by_priority"], waiting, "{queue:#}");
    assert_eq!(queue["waiting"], 2 * EACH);
    operate(http, "resume");

    let taken = answer["tasks"].as_array().expect("a list");
    let mut began: Vec<(u64, String)> = Vec::new();
    for task in taken {
        let id = task["id"].as_str().expect("an id");
        let task = http.succeeded(id, LIMIT);
        let priority = task["priority"].as_str().expect("a text").to_owned();
        began.push((time_ms(&task, "started_at"), priority));
    }
    began.sort();
    let last = began.iter().rposition(|(_, priority)| priority == "high");
    let (before, _) = began.split_at(last.expect("there are some"));
    let low = before.iter().filter(|(_, priority)| priority == "low");
    assert!(low.count() < EACH / 2, "{began:?}");
}

fn shown_and_kept(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let queue = http.get("/v1/queues/default").expect(200).json();
    assert_eq!(queue["waiting_by_priority"], Value::Null, "{queue:#}");
    let id = http.enqueue(&json!({"task": "echo"}));
    assert_eq!(http.succeeded(&id, LIMIT)["priority"], "normal");

    let task = json!({"task": "fault", "args": {"how": "fail"}, "retry": {"attempts": 1}, "priority": "low"});
    let id = http.enqueue(&task);
    let failed = http.finished(&id, LIMIT);
    assert_eq!(
        (&failed["state"], &failed["priority"]),
        (&json!("failed"), &json!("low"))
    );
    let again = http.post(&format!("/v1/tasks/{id}/retry"), &json!({}));
    assert_eq!(again.expect(202).json()["priority"], "low");

    // The same key with another priority is another request.
    let keyed =
        |priority: &str| json!({"task": "echo", "idempotency_key": "a", "priority": priority});
    let first = http.post("/v1/tasks", &keyed("high")).expect(202).json();
    let second = http.post("/v1/tasks", &keyed("high")).expect(200).json();
    assert_eq!(first["id"], second["id"]);
    http.post("/v1/tasks", &keyed("normal")).expect(422);

    let schedule = json!({"task": "echo", "every": "1s", "priority": "high"});
    let schedule = http.send(
        "PUT",
        "/v1/schedules/often",
        &[],
        schedule.to_string().as_bytes(),
    );
    assert_eq!(schedule.expect(201).json()["priority"], "high");
}
