//! What an operator is told about how a queue does.

use crate::support::{Sim, keys, task};
use futures::FutureExt;
use handoff_queue::{Counts, State, Statistics, Store, TaskId, TaskSpec, Wake};
use serde_json::{Value, json};

fn look(sim: &Sim) -> Statistics {
    sim.wait(|queue| async move { queue.statistics().await.unwrap() })
}

fn tasks(args: Value, count: usize) -> Vec<TaskSpec> {
    (0..count)
        .map(|i| task(&format!("t{i}"), args.clone()))
        .collect()
}

/// Whether it is as much, or too long by an eighth.
fn is_near(ms: u64, expected_ms: u64) -> bool {
    (expected_ms..=expected_ms + expected_ms / 8 + 20).contains(&ms)
}

#[test]
fn an_untouched_queue_has_none() {
    let sim = Sim::new(1);
    let found = look(&sim);
    assert_eq!(found.ended, Counts::default());
    assert_eq!((found.running, found.oldest_waiting_ms), (0, None));
    assert_eq!((found.latency, found.run), (None, None));
}

#[test]
fn ends_are_counted_by_how_and_once() {
    let sim = Sim::new(2);
    sim.enqueue(tasks(json!({}), 30));
    sim.enqueue(tasks(json!({"continues": 3}), 5));
    sim.enqueue(tasks(json!({"fail_times": 2, "after_ms": 3_000}), 4));
    sim.enqueue(tasks(json!({"fatal": "no"}), 3));
    // Longer than rescue's first look.
    sim.enqueue(tasks(json!({"sleep_ms": 25_000}), 2));
    let now_ms = sim.now_ms();
    let later = |expires_ms| TaskSpec {
        not_before_ms: Some(now_ms + 40_000),
        expires_ms,
        ..task("later", json!({}))
    };
    let cancelled = sim.enqueue_one(later(None));
    sim.wait(|queue| async move { queue.cancel(&cancelled).await.unwrap() });
    sim.enqueue_one(later(Some(now_ms)));
    sim.enqueue_one(later(None));
    sim.run_for(160_000);
    assert!(sim.alive().is_empty(), "rescue has passed everything");
    let expected = Counts {
        succeeded: 30 + 5 + 4 + 2 + 1,
        failed: 3,
        cancelled: 1,
        expired: 1,
    };
    assert_eq!(look(&sim).ended, expected);
    assert_eq!(look(&sim).running, 0);
}

#[test]
fn what_runs_is_counted_from_its_begin_to_its_end() {
    let sim = Sim::new(3);
    let short = sim.enqueue(tasks(json!({"sleep_ms": 4_000}), 20));
    let long = TaskSpec {
        timeout_ms: 600_000,
        ..task("long", json!({"sleep_ms": 60_000}))
    };
    let long = sim.enqueue_one(long);
    sim.run_for(2_000);
    assert_eq!(look(&sim).running, 21);
    sim.until_state(&short[19], State::Succeeded, 10_000);
    sim.run_for(3_000);
    assert_eq!(look(&sim).running, 1);
    // Rescue has passed it.
    sim.run_for(30_000);
    assert_eq!(look(&sim).running, 1);
    sim.until_state(&long, State::Succeeded, 60_000);
    // Long before its lease ends.
    assert_eq!(look(&sim).running, 0);
}

#[test]
fn of_many_a_sample_tells_how_many_run() {
    let sim = Sim::new(4);
    let ids = sim.enqueue(tasks(json!({"sleep_ms": 5_000}), 400));
    sim.run_for(4_000);
    sim.world.store.take_calls();
    let running = look(&sim).running;
    let reads = sim.world.store.take_calls().reads;
    let runs = |id: &&TaskId| sim.state(id) == State::Running;
    let began = ids.iter().filter(runs).count() as u64;
    assert!(began > 100, "{began}");
    assert!(running.abs_diff(began) <= began / 5, "{running} of {began}");
    assert!(reads <= 300, "{reads}");
}

#[test]
fn the_oldest_that_waits() {
    let sim = Sim::new(5);
    sim.world.faults.wake_fails.set(1_000);
    sim.enqueue(tasks(json!({"fail_times": 1, "after_ms": 7_000}), 1));
    sim.run_for(5_000);
    sim.enqueue(tasks(json!({}), 3));
    sim.run_for(2_000);
    assert_eq!(look(&sim).oldest_waiting_ms, Some(7_000));
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    assert_eq!(look(&sim).oldest_waiting_ms, None);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    sim.run_for(60_000);
    let waited_ms = look(&sim).oldest_waiting_ms.unwrap();
    assert!(
        (53_000..55_000).contains(&waited_ms),
        "{waited_ms}, since its retry was due"
    );
}

#[test]
fn how_long_tasks_take() {
    let sim = Sim::new(6);
    sim.enqueue(tasks(json!({"sleep_ms": 200}), 89));
    sim.enqueue(tasks(json!({"sleep_ms": 2_000}), 9));
    sim.enqueue(tasks(
        json!({"fail_times": 1, "after_ms": 4_000, "sleep_ms": 300}),
        2,
    ));
    sim.run_for(60_000);
    let found = look(&sim);
    let (latency, run) = (found.latency.unwrap(), found.run.unwrap());
    assert!(is_near(run.p50_ms, 200), "{run:?}");
    assert!(is_near(run.p90_ms, 300), "{run:?}");
    assert!(is_near(run.p99_ms, 2_000), "{run:?}");
    // From when it was enqueued, with the wait for its second attempt.
    assert!(is_near(latency.p99_ms, 4_600), "{latency:?}");
    // After two half hours none of them counts any more.
    sim.run_with_ticks(2 * 1_800_000, 600_000);
    assert_eq!((look(&sim).latency, look(&sim).run), (None, None));
    assert_eq!(look(&sim).ended.succeeded, 100);
}

#[test]
fn an_attempt_that_was_announced_twice_is_counted_once() {
    let sim = Sim::new(6);
    sim.enqueue_one(task(
        "a",
        json!({"sleep_ms": 9_000, "fail_times": 1, "after_ms": 1_000}),
    ));
    sim.run_for(100);
    // Epoch 1 in a slot whose ticket somebody took who was too late for it: it is delivered by a later one.
    let store = &sim.world.store;
    for counter in [keys::HEAD, keys::TAIL] {
        let added = store.increment(counter, 1).now_or_never().unwrap();
        assert_eq!(added.unwrap(), 2);
    }
    let second = keys::slot(2);
    let twice = store.set(&second, br#"1{"announce":[1,1]}"#);
    twice.now_or_never().unwrap().unwrap();
    sim.run_with_ticks(120_000, 5_000);
    let expected = Counts {
        succeeded: 1,
        ..Counts::default()
    };
    assert_eq!(look(&sim).ended, expected);
}
