//! Who is there: nothing waits for a resident process, and nobody stays without a reason.

use crate::support::{Action, Sim, When, keys, task};
use futures::FutureExt;
use handoff_queue::{State, Store, TaskSpec, WINDOW_MS, Wake};
use serde_json::json;

/// How many are registered as workers or keepers in a window that anybody's clock may still be in, by the counters.
fn registered(sim: &Sim) -> u64 {
    let keys = sim.world.store.keys();
    let of_role = |key: &&String| key.starts_with(keys::WORKERS) || key.starts_with(keys::KEEPERS);
    keys.iter()
        .filter(of_role)
        .filter(|key| {
            let window: u64 = key.rsplit('.').next().unwrap().parse().unwrap();
            (window + 2) * WINDOW_MS > sim.now_ms()
        })
        .map(|key| {
            let counter = sim
                .world
                .store
                .counter(key)
                .now_or_never()
                .unwrap()
                .unwrap();
            (counter % (1 << 15)).saturating_sub(counter >> 15)
        })
        .sum()
}

#[test]
fn when_all_is_done_nobody_is_left() {
    for seed in 0..20 {
        let sim = Sim::new(seed);
        sim.world.faults.yields.set(3_000);
        for i in 0..20 {
            let args = json!({"fail_times": i % 2, "continues": i % 3, "sleep_ms": i * 100});
            let delay = (i % 4 == 0).then(|| sim.now_ms() + 3_000);
            sim.enqueue_one(TaskSpec {
                not_before_ms: delay,
                ..task(&format!("t{i}"), args)
            });
            sim.run_for(sim.world.below(1_500));
        }
        // The last one has ended just now: its registrations are not merely old.
        let ended = sim.run_until(90_000, || sim.alive().is_empty());
        assert!(ended, "seed {seed}");
        assert_eq!(registered(&sim), 0, "seed {seed}");
    }
}

#[test]
fn a_keeper_stays_while_something_is_due_and_only_one() {
    let sim = Sim::new(1);
    let id = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 90_000),
        ..task("a", json!({}))
    });
    for _ in 0..8 {
        sim.run_for(10_000);
        assert_eq!(sim.alive().len(), 1);
        assert!(registered(&sim) >= 1);
    }
    sim.run_for(12_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    assert!(sim.run_until(40_000, || sim.alive().is_empty()));
    assert_eq!(registered(&sim), 0);
}

/// Nobody enqueues any more, who would see that workers are too few.
#[test]
fn a_backlog_gets_as_many_workers_as_it_needs() {
    let sim = Sim::new(2);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let new = |i| task(&format!("t{i}"), json!({}));
    let ids = sim.enqueue((0..8_000).map(new).collect());
    sim.world.faults.slow.set(10_000);
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
    sim.run_for(20_000);
    assert!(ids.iter().all(|id| sim.state(id) == State::Succeeded));
    // One for every 1,024, while so many wait.
    let workers = sim.world.workers.borrow().len();
    assert!((3..=8).contains(&workers), "{workers} workers");
}

/// Enqueueing while the last worker leaves: one of the two sees the other.
#[test]
fn a_task_enqueued_while_the_last_worker_leaves_does_not_wait() {
    let busy = |seed| {
        let sim = Sim::new(seed);
        sim.world.faults.yields.set(4_000);
        sim.world.faults.slow.set(2_000);
        sim.enqueue_one(task("first", json!({})));
        sim
    };
    for seed in 0..400 {
        let sim = busy(seed);
        sim.run_until(60_000, || sim.alive().is_empty());
        let ends_ms = sim.now_ms();
        let sim = busy(seed);
        if seed % 2 == 0 {
            // The keeper's last look.
            sim.run_for((ends_ms - sim.world.below(40)).saturating_sub(sim.now_ms()));
        } else {
            // The worker's last look, after which it keeps time.
            sim.run_until(1_000, || !sim.began("first").is_empty());
            sim.run_for(sim.world.below(40));
        }
        sim.spawn(|_, queue| async move {
            let second = vec![task("second", json!({}))];
            let receipt = queue.enqueue(second).await.unwrap();
            queue.wake_for(&receipt, || 8).await.unwrap();
        });
        let began = sim.run_until(300, || !sim.began("second").is_empty());
        assert!(began, "seed {seed}");
    }
}

#[test]
fn the_dead_disappear_in_the_next_window() {
    let sim = Sim::new(2);
    sim.run_for(WINDOW_MS - (sim.now_ms() % WINDOW_MS) + 100);
    sim.world
        .faults
        .script(|call| match call.key.starts_with(keys::WORKERS) {
            true if call.instance.name == "worker1" => Action::Kill(When::After),
            _ => Action::Pass,
        });
    let dead = sim.worker(Wake::Work);
    sim.settle();
    assert!(dead.was_killed());
    // The dead one is counted on in this window.
    assert_eq!(registered(&sim), 1);
    let before = sim.world.workers.borrow().len();
    let id = sim.enqueue_one(task("a", json!({})));
    sim.run_for(100);
    assert_eq!(sim.world.workers.borrow().len(), before, "nobody was woken");
    sim.run_for(WINDOW_MS);
    // Any status request, say.
    sim.wait(|queue| async move { queue.push_along(true).await.unwrap() });
    sim.until_state(&id, State::Succeeded, 1_000);
}

#[test]
fn who_finds_nobody_at_work_is_told() {
    let sim = Sim::new(6);
    let enqueue = |count: usize| {
        let tasks = (0..count).map(|i| task(&format!("t{i}"), json!({"sleep_ms": 2_000})));
        let tasks = tasks.collect();
        sim.wait(|queue| async move {
            let receipt = queue.enqueue(tasks).await.unwrap();
            queue.wake_for(&receipt, || 8).await.unwrap()
        })
    };
    let push = || sim.wait(|queue| async move { queue.push_along(true).await.unwrap() });
    assert!(enqueue(1));
    sim.run_for(100);
    let before = sim.world.workers.borrow().len();
    assert!(!push());
    assert!(!enqueue(500));
    // It was woken to help: others are there.
    assert_eq!(sim.world.workers.borrow().len(), before + 1);
    sim.run_until(60_000, || sim.alive().is_empty());
    sim.run_for(2 * WINDOW_MS);
    assert!(push());
}

#[test]
fn a_full_worker_makes_room_for_another() {
    let sim = Sim::new(3);
    sim.world.limits.set(handoff_queue::WorkerLimits {
        in_progress_max: 4,
        ..Default::default()
    });
    let start_ms = sim.now_ms();
    let tasks = (0..10).map(|i| task(&format!("t{i}"), json!({"sleep_ms": 10_000})));
    sim.enqueue(tasks.collect());
    sim.run_for(3_000);
    for i in 0..10 {
        let began = sim.began(&format!("t{i}"));
        assert_eq!(began.len(), 1, "t{i}");
        assert!(began[0].at_ms - start_ms <= handoff_queue::BEGIN_MS);
    }
    assert_eq!(sim.alive().len(), 3);
}

/// Makes every `nth` call that `which` names fail, by workers only.
fn failing(sim: &Sim, nth: u64, which: &'static str) {
    let mut calls = 0;
    sim.world.faults.script(move |call| {
        if call.by_worker() && call.key.contains(which) {
            calls += 1;
            if calls % nth == 0 {
                return Action::Fail(When::After);
            }
        }
        Action::Pass
    });
}

#[test]
fn a_keeper_stays_although_calls_fail_now_and_then() {
    for which in [".head", ".tail", ".keeper", ".ts.", ".k.", ".w."] {
        let sim = Sim::new(4);
        failing(&sim, 7, which);
        let id = sim.enqueue_one(TaskSpec {
            not_before_ms: Some(sim.now_ms() + 60_000),
            ..task("a", json!({}))
        });
        // No tick, and no other request.
        sim.run_for(75_000);
        assert_eq!(sim.state(&id), State::Succeeded, "{which}");
    }
}

#[test]
fn a_failed_look_into_a_slot_does_not_make_its_task_wait_for_a_lease() {
    let sim = Sim::new(5);
    failing(&sim, 2, keys::SLOTS);
    let ids = sim.enqueue((0..20).map(|i| task(&format!("t{i}"), json!({}))).collect());
    sim.run_for(3_000);
    for (i, id) in ids.iter().enumerate() {
        assert_eq!(sim.state(id), State::Succeeded, "t{i}");
        assert_eq!(sim.began(&format!("t{i}")).len(), 1);
    }
}

#[test]
fn a_worker_that_is_not_the_keeper_sees_that_somebody_keeps_its_retry() {
    let sim = Sim::new(6);
    sim.run_for(WINDOW_MS - sim.now_ms() % WINDOW_MS);
    // A keeper that found nothing to do in this window, and is gone.
    sim.tick();
    assert!(sim.run_until(1_000, || sim.alive().is_empty()));
    let args = json!({"fail_times": 1, "after_ms": 20_000, "sleep_ms": 500});
    let id = sim.enqueue_one(task("a", args));
    sim.run_for(1_000);
    assert_eq!(sim.state(&id), State::Retrying);
    sim.run_for(25_000);
    assert_eq!(sim.state(&id), State::Succeeded);
}
