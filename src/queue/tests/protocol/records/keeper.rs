//! Timer entries and the keeper's own record that can't be read.

use super::{BROKEN, assert_nobody_failed, get, make_newer, put};
use crate::support::{Sim, keys, task};
use handoff_queue::{State, TaskSpec, Wake};
use serde_json::json;

#[test]
fn broken_timer_entries_and_what_they_name_hold_nobody_up() {
    let sim = Sim::new(3);
    let due_ms = sim.now_ms() + 10_000;
    let delayed = |name: &str| TaskSpec {
        not_before_ms: Some(due_ms),
        ..task(name, json!({}))
    };
    let ids = sim.enqueue(vec![delayed("a"), delayed("b"), delayed("c")]);
    let entries: Vec<_> = sim
        .world
        .store
        .keys()
        .into_iter()
        .filter(|k| k.starts_with(keys::DUE_ENTRIES))
        .collect();
    assert_eq!(entries.len(), 3);
    put(&sim, &entries[0], BROKEN[0]);
    // A lease to be looked at, of a task that can't be read.
    put(&sim, &entries[1], br#"1{"t":2,"e":0,"d":"l"}"#);
    put(&sim, &keys::run(2, 0), BROKEN[1]);
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
    let delayed = TaskSpec {
        not_before_ms: Some(due_ms),
        ..task("delayed", json!({}))
    };
    sim.world.faults.wake_fails.set(1_000);
    let ids = sim.enqueue(vec![task("waiting", json!({})), delayed]);
    sim.world.faults.off();
    let entry = sim.world.store.keys();
    let entry = entry
        .iter()
        .find(|k| k.starts_with(keys::DUE_ENTRIES))
        .unwrap();
    let (home, entry) = (make_newer(&sim, &keys::slot(1)), make_newer(&sim, entry));
    sim.worker(Wake::Work);
    sim.run_for(15 * 60_000);
    assert!(sim.alive().is_empty(), "nobody stays for it");
    // Rescue found that the delayed one was not delivered. The other can't be read.
    assert_eq!(sim.began("delayed").len(), 1);
    assert_eq!(sim.began("waiting").len(), 0);
    assert_nobody_failed(&sim);

    // The newer version is deployed: to it these records are its own.
    put(&sim, &keys::slot(1), &home);
    let keys = sim.world.store.keys();
    for key in keys.iter().filter(|k| k.starts_with(keys::OLD_ENTRIES)) {
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

#[test]
fn tasks_run_while_the_keepers_record_is_a_newer_versions() {
    let sim = Sim::new(4);
    put(&sim, keys::KEEPER, b"2{}");
    for i in 0..3 {
        let id = sim.enqueue_one(task(&format!("t{i}"), json!({})));
        sim.until_state(&id, State::Succeeded, 1_000);
        sim.run_for(20_000);
    }
    assert_nobody_failed(&sim);
}
