//! Records that can't be read: a newer version's, or cut short.

mod keeper;
mod queues;
mod schedules;
mod tasks;

use crate::support::{Sim, keys, task};
use futures::FutureExt;
use handoff_queue::{RETENTION_MIN_MS, Store, TaskSpec};
use serde_json::json;

const MINUTE_MS: u64 = 60_000;
const BROKEN: [&[u8]; 3] = [b"2{\"task\":{}}", b"1{\"task\":{\"nonce\":\"ab", b""];

fn put(sim: &Sim, key: &str, value: &[u8]) {
    sim.world
        .store
        .set(key, value)
        .now_or_never()
        .unwrap()
        .unwrap();
}

fn kept_an_hour(task: TaskSpec) -> TaskSpec {
    TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..task
    }
}

/// No worker gave up because of what it read.
fn assert_nobody_failed(sim: &Sim) {
    let logs = sim.world.logs.borrow();
    let ended = logs.iter().find(|l| l.contains("ended:"));
    assert_eq!(ended, None);
}

fn get(sim: &Sim, key: &str) -> Vec<u8> {
    let value = sim.world.store.get(key).now_or_never().unwrap().unwrap();
    value.unwrap()
}

/// Makes a record look like a newer version's, or cuts it short. Returns what it was, and what it is now.
fn spoil(sim: &Sim, key: &str, newer: bool) -> (Vec<u8>, Vec<u8>) {
    let record = get(sim, key);
    if newer {
        make_newer(sim, key);
    } else {
        put(sim, key, &record[..record.len() / 2]);
    }
    (record, get(sim, key))
}

fn find(sim: &Sim, kind: &str, end: &str) -> String {
    let keys = sim.world.store.keys().into_iter();
    let mut found = keys.filter(|key| {
        let rest = key.strip_prefix(keys::ALL);
        rest.is_some_and(|rest| rest.starts_with(kind) && rest.ends_with(end))
    });
    found.next().unwrap()
}

fn assert_operator_knows_of(sim: &Sim, key: &str) {
    let logs = sim.world.logs.borrow();
    let named = format!("the record {key} ");
    assert!(logs.iter().any(|line| line.contains(&named)), "{key}");
}

/// A task that waits for no time, and one that does: `healthy` and `later`.
fn enqueue_healthy(sim: &Sim) {
    let later = TaskSpec {
        not_before_ms: Some(sim.now_ms() + 70_000),
        ..task("later", json!({}))
    };
    sim.enqueue(vec![task("healthy", json!({})), later]);
}

fn assert_healthy_ran(sim: &Sim) {
    for name in ["healthy", "later"] {
        assert_eq!(sim.began(name).len(), 1, "{name}");
    }
    assert_nobody_failed(sim);
}

/// Makes a record look like a newer version's, and returns what it was.
fn make_newer(sim: &Sim, key: &str) -> Vec<u8> {
    let record = get(sim, key);
    let mut newer = record.clone();
    newer[0] = b'2';
    put(sim, key, &newer);
    record
}
