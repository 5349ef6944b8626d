//! Waiting for the end of a task: soon after it, with few looks, whoever works.

use crate::support::{Line, Sim, task};
use handoff_queue::{TaskId, TaskSpec, TaskStatus};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

/// What one wait came to.
struct Waited {
    brief: TaskStatus,
    /// When it was answered.
    at_ms: u64,
    /// How many store calls the waiter made, a key of several as one.
    calls: usize,
}

fn wait_for(sim: &Sim, id: &TaskId, wait_ms: u64) -> Waited {
    let (asked, name) = (id.clone(), Rc::new(Cell::new(String::new())));
    let put = name.clone();
    sim.record();
    let waiting = sim.spawn(|instance, queue| async move {
        put.set(instance.name.clone());
        queue.wait(&asked, wait_ms).await.unwrap()
    });
    assert!(sim.run_until(wait_ms + 60_000, || waiting.is_done()));
    let name = name.take();
    let own = |l: &&Line| l.who == name && !l.operation.is_empty();
    Waited {
        brief: waiting.take().unwrap(),
        at_ms: sim.now_ms(),
        calls: sim.record().iter().filter(own).count(),
    }
}

#[test]
fn an_end_is_seen_late_by_a_part_of_the_time_waited() {
    for sleep_ms in [0, 1, 5, 40, 300, 2_000, 10_000, 50_000] {
        let sim = Sim::new(1);
        let asked_ms = sim.now_ms();
        let id = sim.enqueue_one(task("a", json!({ "sleep_ms": sleep_ms })));
        let waited = wait_for(&sim, &id, 60_000);
        let TaskStatus::Final(run) = waited.brief else {
            panic!("{sleep_ms}: {:?}", waited.brief);
        };
        let ended_ms = run.ended_ms().unwrap();
        let late_ms = waited.at_ms - ended_ms;
        let part_ms = ((ended_ms - asked_ms) / 8).min(500) + 1;
        println!("{sleep_ms} ms: {late_ms} ms late, {} calls", waited.calls);
        assert!(late_ms <= part_ms, "{sleep_ms}: {late_ms} > {part_ms}");
    }
}

#[test]
fn the_looks_grow_with_the_logarithm_of_the_time_waited() {
    let calls = |wait_ms| {
        let sim = Sim::new(2);
        let id = sim.enqueue_one(task("a", json!({"hang": true})));
        let waited = wait_for(&sim, &id, wait_ms);
        assert_eq!(waited.brief, TaskStatus::Open);
        println!("{wait_ms} ms: {} calls", waited.calls);
        waited.calls
    };
    let (short, longer, long) = (calls(40), calls(400), calls(4_000));
    assert!(short <= 60, "{short}");
    // Ten times as long: as many more.
    assert!(longer - short <= 50, "{longer}");
    assert!(long - longer <= 60, "{long}");
    // From there on two looks a second, and one at the register.
    let very_long = calls(60_000);
    assert!(very_long - long <= 8 * 56, "{very_long}");
}

#[test]
fn a_wait_ends_when_its_time_is_over() {
    let sim = Sim::new(3);
    let id = sim.enqueue_one(task("a", json!({"sleep_ms": 10_000})));
    for wait_ms in [0, 1, 777, 3_000] {
        let asked_ms = sim.now_ms();
        let waited = wait_for(&sim, &id, wait_ms);
        assert_eq!(waited.brief, TaskStatus::Open);
        assert_eq!(waited.at_ms - asked_ms, wait_ms);
    }
}

#[test]
fn who_waits_long_sees_that_somebody_works() {
    let sim = Sim::new(4);
    sim.world.faults.wake_fails.set(1_000);
    let id = sim.enqueue_one(task("a", json!({})));
    let delayed = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 8_000),
        ..task("b", json!({}))
    });
    sim.world.faults.off();
    for id in [id, delayed] {
        let waited = wait_for(&sim, &id, 20_000);
        assert!(
            matches!(waited.brief, TaskStatus::Final(_)),
            "{:?}",
            waited.brief
        );
    }
}

#[test]
fn what_there_is_not_is_not_waited_for() {
    let sim = Sim::new(5);
    let id = sim.enqueue_one(task("a", json!({})));
    let mut text = id.to_string();
    let last = if text.ends_with('0') { '1' } else { '0' };
    text.pop();
    text.push(last);
    let asked_ms = sim.now_ms();
    let waited = wait_for(&sim, &text.parse().unwrap(), 20_000);
    assert_eq!(
        (waited.brief, waited.at_ms),
        (TaskStatus::Unknown, asked_ms)
    );
}
