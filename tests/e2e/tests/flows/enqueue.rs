//! Enqueueing, from many threads at once too, and the two health calls.

use handoff_e2e::{Host, Pair, on_every_pair, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

on_every_pair!(health, task_object, from_many_threads);

fn health(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let alive = http.get("/healthz").expect(200);
    assert_eq!(alive.json(), json!({"status": "alive"}));
    for _ in 0..3 {
        let ready = http.get("/readyz").expect(200);
        assert_eq!(ready.json(), pair.ready());
    }
}

fn task_object(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let args =
        json!({"text": "ümläut \u{0} \"quoted\"", "list": [1, 2.5, null], "deep": {"a": {}}});
    let asked = json!({
        "task": "echo",
        "args": args,
        "timeout": "90s",
        "retention": "2h",
        "retry": {"attempts": 3, "initial": "2s", "factor": 1.5, "max": "1m"},
    });
    let reply = http.post("/v1/tasks", &asked).expect(202);
    let taken = reply.json();
    let id = taken["id"].as_str().expect("an id");
    assert_eq!(taken["state"], "queued");
    assert_eq!(taken["attempt"], 0);
    let task = http.succeeded(id, Duration::from_secs(20));
    for object in [&taken, &task] {
        assert_eq!(object["id"], id);
        assert_eq!(object["task"], "echo");
        assert_eq!(object["args"], args);
        assert_eq!(object["attempts_max"], 3);
        assert_eq!(object["timeout"], "90s");
        assert_eq!(object["retention"], "2h");
        assert_eq!(object["errors"], json!([]));
        assert_eq!(object["enqueued_at"], taken["enqueued_at"]);
    }
    assert_eq!(task["result"], args);
    assert_eq!(task["attempt"], 1);
}

fn from_many_threads(pair: Pair) {
    const TASKS: usize = 50;
    let host = Host::start(pair, &[]);
    host.http().get("/readyz").expect(200);
    let started = AtomicUsize::new(0);
    let ids: Vec<(usize, String)> = thread::scope(|scope| {
        let enqueue = || {
            let http = host.http().clone();
            let mut ids = Vec::new();
            loop {
                let i = started.fetch_add(1, Ordering::SeqCst);
                if i >= TASKS {
                    return ids;
                }
                ids.push((i, http.enqueue(&json!({"task": "echo", "args": i}))));
            }
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(enqueue)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.flat_map(|ids| ids.expect("all are taken")).collect()
    });
    assert_eq!(ids.len(), TASKS);
    let unique: BTreeSet<&str> = ids.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(unique.len(), TASKS);
    let http = host.http();
    for (i, id) in &ids {
        let done = until("the task is done", Duration::from_secs(30), || {
            let status = http.get(&format!("/status/{id}")).expect(200).json();
            (status["status"] != "processing").then_some(status)
        });
        let expected: Value = json!({"status": "done", "result": i});
        assert_eq!(done, expected);
    }
}
