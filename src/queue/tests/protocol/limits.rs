//! Limits of a queue: how many tasks run at once, and begin in a period, over all workers.

use crate::support::{Sim, computing, task};
use handoff_queue::{IN_PROGRESS_BYTES, Limits, Rate, State, TaskId, TaskSpec};
use serde_json::json;
use std::collections::BTreeMap;

const SECOND_MS: u64 = 1_000;

fn limited(seed: u64, limits: Limits) -> Sim {
    let sim = Sim::new(seed);
    sim.world.queue_limits.set(limits);
    sim
}

fn at_once(concurrency: u64) -> Limits {
    Limits {
        concurrency: Some(concurrency),
        ..Limits::default()
    }
}

fn rate(count: u64, period_s: u64) -> Limits {
    Limits {
        rate: Some(Rate { count, period_s }),
        ..Limits::default()
    }
}

fn all_succeed(sim: &Sim, ids: &[TaskId], ms: u64) -> bool {
    sim.run_until(ms, || false);
    ids.iter().all(|id| sim.state(id) == State::Succeeded)
}

/// How many began in each period, by the clocks of those who began them.
fn begun(sim: &Sim, period_ms: u64) -> BTreeMap<u64, u64> {
    let mut begun = BTreeMap::new();
    for began in sim.world.began.borrow().iter() {
        *begun.entry(began.seen_ms / period_ms).or_default() += 1;
    }
    begun
}

#[test]
fn no_more_run_at_once_than_may_and_as_many_as_may() {
    for seed in 0..10 {
        let sim = limited(seed, at_once(3));
        sim.world.faults.yields.set(2_000);
        sim.world.faults.skew_ms.set(2_999);
        let mut ids = Vec::new();
        // More than one worker comes.
        for i in 0..6 {
            let of = |n| task(&format!("t{i}.{n}"), json!({"sleep_ms": 1_000}));
            ids.extend(sim.enqueue((0..10).map(of).collect()));
            sim.run_for(300);
        }
        // 60 tasks, three at a time, from one window and one worker to the next.
        assert!(all_succeed(&sim, &ids, 24 * SECOND_MS), "seed {seed}");
        assert_eq!(sim.world.most_running.get(), 3, "seed {seed}");
    }
}

#[test]
fn tasks_that_compute_hold_their_permits_in_instances_of_their_own() {
    let sim = limited(1, at_once(2));
    let new = |i| computing(&format!("t{i}"), json!({"sleep_ms": 1_400}));
    let ids: Vec<_> = (0..8).map(|i| sim.enqueue_one(new(i))).collect();
    assert!(all_succeed(&sim, &ids, 12 * SECOND_MS));
    assert_eq!(sim.world.most_running.get(), 2);
}

#[test]
fn long_tasks_keep_their_permits_over_many_windows() {
    let sim = limited(1, at_once(2));
    let long = |i| TaskSpec {
        timeout_ms: 60_000,
        ..task(&format!("t{i}"), json!({"sleep_ms": 40_000}))
    };
    let ids: Vec<_> = (0..4).map(|i| sim.enqueue_one(long(i))).collect();
    sim.run_for(35_000);
    let waiting = ids.iter().filter(|id| sim.state(id) == State::Queued);
    assert_eq!(waiting.count(), 2);
    assert!(all_succeed(&sim, &ids, 50_000));
    assert_eq!(sim.world.most_running.get(), 2);
}

#[test]
fn the_permits_of_the_dead_are_over_with_their_windows() {
    let sim = limited(1, at_once(1));
    sim.enqueue_one(task("a", json!({"sleep_ms": 30_000})));
    sim.run_for(100);
    let second = sim.enqueue_one(task("b", json!({})));
    sim.run_for(2_000);
    assert_eq!(sim.state(&second), State::Queued);
    for worker in sim.alive() {
        worker.kill();
    }
    sim.run_with_ticks(11_000, SECOND_MS);
    assert_eq!(sim.state(&second), State::Succeeded);
}

#[test]
fn no_more_begin_in_a_period_than_may_and_all_of_them_at_its_beginning() {
    for (count, period_s) in [(10, 1), (5, 10), (30, 60)] {
        let sim = limited(1, rate(count, period_s));
        let tasks = (0..4 * count).map(|i| task(&format!("t{i}"), json!({})));
        let ids = sim.enqueue(tasks.collect());
        let period_ms = period_s * SECOND_MS;
        // Nobody asks for anything meanwhile.
        assert!(all_succeed(&sim, &ids, 4 * period_ms));
        let begun = begun(&sim, period_ms);
        assert!(begun.values().all(|n| *n <= count), "{begun:?}");
        for began in sim.world.began.borrow().iter().skip(count as usize) {
            assert!(began.at_ms % period_ms < 500, "{began:?}");
        }
    }
}

#[test]
fn what_needs_no_run_costs_none_of_the_rate() {
    let sim = limited(1, rate(5, 60));
    // Each is passed once before it is due, and has a slot of its own then.
    let due_ms = sim.now_ms() + 3_000;
    let delayed = |i| TaskSpec {
        not_before_ms: Some(due_ms),
        ..task(&format!("t{i}"), json!({}))
    };
    let ids = sim.enqueue((0..5).map(delayed).collect());
    assert!(all_succeed(&sim, &ids, 6_000));
}

#[test]
fn a_paused_queue_with_limits_keeps_nobody_there() {
    let sim = limited(1, rate(1, 60));
    let ids = sim.enqueue((0..3).map(|i| task(&format!("t{i}"), json!({}))).collect());
    sim.run_for(500);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    assert!(sim.run_until(60_000, || sim.alive().is_empty()));
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
    assert!(all_succeed(&sim, &ids, 180_000));
}

/// However much waits, an instance has few bytes in progress at once, and nothing is put back for that again and again.
#[test]
fn a_claim_is_bounded_by_bytes() {
    let sim = Sim::new(1);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let small = (0..127).map(|i| task(&format!("s{i}"), json!({})));
    let pad = "x".repeat(200_000);
    let large = |i| task(&format!("l{i}"), json!({"pad": pad, "sleep_ms": 500}));
    let tasks: Vec<_> = small.chain((0..64).map(large)).collect();
    let ids = sim.enqueue(tasks);
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
    sim.world.store.take_calls();
    assert!(all_succeed(&sim, &ids, 20 * SECOND_MS));
    let most = sim.world.most_bytes.get();
    assert!(most < IN_PROGRESS_BYTES + 200_100, "{most}");
    let calls = sim.world.store.take_calls();
    println!("127 small and 64 large tasks: {calls:?}");
    for i in 0..64 {
        assert_eq!(sim.began(&format!("l{i}")).len(), 1);
    }
}
