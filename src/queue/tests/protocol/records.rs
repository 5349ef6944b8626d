//! Records that can't be read: a newer version's, or cut short.

use crate::support::{Sim, task};
use futures::FutureExt;
use handoff_queue::{Brief, NewTask, RETENTION_MIN_MS, State, Store, Wake};
use serde_json::json;

const BROKEN: [&[u8]; 3] = [b"2{\"task\":{}}", b"1{\"task\":{\"nonce\":\"ab", b""];

fn put(sim: &Sim, key: &str, value: &[u8]) {
    sim.world
        .store
        .set(key, value)
        .now_or_never()
        .unwrap()
        .unwrap();
}

fn kept_an_hour(task: NewTask) -> NewTask {
    NewTask {
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

#[test]
fn broken_slots_hold_nobody_up() {
    let sim = Sim::new(1);
    sim.world.faults.wake_fails.set(1_000);
    let before = sim.enqueue_one(kept_an_hour(task("before", json!({}))));
    for (i, broken) in BROKEN.iter().enumerate() {
        sim.world
            .store
            .increment("q.test.tail", 1)
            .now_or_never()
            .unwrap()
            .unwrap();
        put(&sim, &format!("q.test.s.{}", 2 + i), broken);
    }
    let behind = sim.enqueue_one(kept_an_hour(task("behind", json!({}))));
    sim.world.faults.off();
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    assert_eq!(sim.state(&before), State::Succeeded);
    assert_eq!(sim.state(&behind), State::Succeeded);
    sim.run_for(60_000);
    assert!(sim.alive().is_empty(), "rescue came past them");
    assert_nobody_failed(&sim);
    sim.run_with_ticks(2 * RETENTION_MIN_MS, 60_000);
    assert_eq!(
        sim.brief(&behind),
        Brief::Unknown,
        "retention came past them"
    );
    let keys = sim.world.store.keys();
    assert!(
        keys.contains(&"q.test.s.2".to_owned()),
        "a newer version's record is not for us to delete"
    );
}

#[test]
fn a_broken_outcome_concerns_only_its_task() {
    let sim = Sim::new(2);
    for (i, broken) in BROKEN.iter().enumerate() {
        let id = sim.enqueue_one(kept_an_hour(task(&format!("t{i}"), json!({}))));
        sim.until_state(&id, State::Succeeded, 1_000);
        put(&sim, &format!("q.test.o.{}.0", id.slot()), broken);
        let asked = id.clone();
        let answer = sim.wait(|queue| async move { queue.brief(&asked).await });
        assert!(answer.is_err(), "{answer:?}");
    }
    let behind = sim.enqueue_one(kept_an_hour(task("behind", json!({}))));
    sim.run_for(60_000);
    assert!(sim.alive().is_empty());
    assert_nobody_failed(&sim);
    sim.run_with_ticks(2 * RETENTION_MIN_MS, 60_000);
    assert_eq!(sim.brief(&behind), Brief::Unknown);
}

#[test]
fn broken_timer_entries_and_what_they_name_hold_nobody_up() {
    let sim = Sim::new(3);
    let due_ms = sim.now_ms() + 10_000;
    let delayed = |name: &str| NewTask {
        not_before_ms: Some(due_ms),
        ..task(name, json!({}))
    };
    let ids = sim.enqueue(vec![delayed("a"), delayed("b"), delayed("c")]);
    let entries: Vec<_> = sim
        .world
        .store
        .keys()
        .into_iter()
        .filter(|k| k.starts_with("q.test.te."))
        .collect();
    assert_eq!(entries.len(), 3);
    put(&sim, &entries[0], BROKEN[0]);
    // A lease to be looked at, of a task that can't be read.
    put(&sim, &entries[1], br#"1{"t":2,"e":0,"d":"l"}"#);
    put(&sim, "q.test.o.2.0", BROKEN[1]);
    sim.run_for(60_000);
    assert_eq!(
        sim.state(&ids[2]),
        State::Succeeded,
        "the timer came past them"
    );
    // Rescue found that the first was never delivered.
    assert_eq!(sim.state(&ids[0]), State::Succeeded);
    assert_nobody_failed(&sim);
}

#[test]
fn what_a_newer_version_wrote_waits_for_it() {
    let sim = Sim::new(5);
    let due_ms = sim.now_ms() + 10_000;
    let delayed = NewTask {
        not_before_ms: Some(due_ms),
        ..task("delayed", json!({}))
    };
    sim.world.faults.wake_fails.set(1_000);
    let ids = sim.enqueue(vec![task("waiting", json!({})), delayed]);
    sim.world.faults.off();
    let entry = sim.world.store.keys();
    let entry = entry.iter().find(|k| k.starts_with("q.test.te.")).unwrap();
    let (home, entry) = (make_newer(&sim, "q.test.s.1"), make_newer(&sim, entry));
    sim.worker(Wake::Work);
    sim.run_for(15 * 60_000);
    assert!(sim.alive().is_empty(), "nobody stays for it");
    // Rescue found that the delayed one was not delivered. The other can't be read.
    assert_eq!(sim.began("delayed").len(), 1);
    assert_eq!(sim.began("waiting").len(), 0);
    assert_nobody_failed(&sim);

    // The newer version is deployed: to it these records are its own.
    put(&sim, "q.test.s.1", &home);
    let keys = sim.world.store.keys();
    for key in keys.iter().filter(|k| k.starts_with("q.test.ge.")) {
        if get(&sim, key).starts_with(b"2") {
            put(&sim, key, &entry);
        }
    }
    sim.run_with_ticks(15 * 60_000, 60_000);
    for id in ids {
        assert_eq!(sim.state(&id), State::Succeeded);
    }
    assert_eq!(sim.world.began.borrow().len(), 2);
}

/// Makes a record look like a newer version's, and returns what it was.
fn make_newer(sim: &Sim, key: &str) -> Vec<u8> {
    let record = get(sim, key);
    let mut newer = record.clone();
    newer[0] = b'2';
    put(sim, key, &newer);
    record
}

fn get(sim: &Sim, key: &str) -> Vec<u8> {
    let value = sim.world.store.get(key).now_or_never().unwrap().unwrap();
    value.unwrap()
}

#[test]
fn tasks_run_while_the_keepers_record_is_a_newer_versions() {
    let sim = Sim::new(4);
    put(&sim, "q.test.keeper", b"2{}");
    for i in 0..3 {
        let id = sim.enqueue_one(task(&format!("t{i}"), json!({})));
        sim.until_state(&id, State::Succeeded, 1_000);
        sim.run_for(20_000);
    }
    assert_nobody_failed(&sim);
}
