//! Tasks that share a key: how many run at once, and begin in a period, and that nobody else waits for them.

use crate::support::{Sim, computing, keyed, task};
use handoff_queue::{Cancelled, KEY_WINDOW_MS, KeyLimits, Limits, Rate, State, TaskId, TaskSpec};
use serde_json::json;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60_000;

fn limited(seed: u64, concurrency: Option<u64>, rate: Option<Rate>) -> Sim {
    let sim = Sim::new(seed);
    let per_key = KeyLimits { concurrency, rate };
    sim.world.queue_limits.set(Limits {
        per_key,
        ..Limits::default()
    });
    sim
}

fn of(key: &str, count: u64, sleep_ms: u64) -> Vec<TaskSpec> {
    let new = |i| keyed(key, &format!("{key}{i}"), json!({"sleep_ms": sleep_ms}));
    (0..count).map(new).collect()
}

fn all(sim: &Sim, ids: &[TaskId], state: State) -> bool {
    ids.iter().all(|id| sim.state(id) == state)
}

fn most(sim: &Sim, key: &str) -> u64 {
    sim.world.running_of.borrow()[key].1
}

#[test]
fn one_tenants_backlog_does_not_delay_another() {
    let sim = limited(1, Some(1), None);
    let ids = sim.enqueue(of("a", 200, 100));
    sim.run_for(200);
    for i in 0..10 {
        let other = sim.enqueue_one(keyed("b", &format!("b{i}"), json!({})));
        let took_ms = sim.until_state(&other, State::Succeeded, 5_000);
        assert!(took_ms <= 500, "{took_ms}");
        sim.run_for(500);
    }
    // One after the other, without a pause to speak of.
    sim.run_for(30_000);
    assert!(all(&sim, &ids, State::Succeeded));
    assert_eq!(most(&sim, "a"), 1);
    // In their order.
    let began = sim.world.began.borrow();
    let of_a = began.iter().filter(|b| b.key.as_deref() == Some("a"));
    let names: Vec<_> = of_a.map(|b| b.name.clone()).collect();
    let expected: Vec<_> = (0..200).map(|i| format!("a{i}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn no_more_of_a_key_run_at_once_than_may() {
    for seed in 0..10 {
        let sim = limited(seed, Some(2), None);
        sim.world.faults.yields.set(2_000);
        sim.world.faults.skew_ms.set(2_999);
        let mut ids = Vec::new();
        for key in ["a", "b", "c"] {
            ids.extend(sim.enqueue(of(key, 12, 1_000)));
            sim.run_for(300);
        }
        sim.run_for(12_000);
        assert!(all(&sim, &ids, State::Succeeded), "seed {seed}");
        for key in ["a", "b", "c"] {
            assert_eq!(most(&sim, key), 2, "seed {seed}");
        }
    }
}

#[test]
fn tasks_that_compute_wait_for_their_key_too() {
    let sim = limited(1, Some(1), None);
    let new = |i: u64| TaskSpec {
        key: Some("a".to_owned()),
        ..computing(&format!("t{i}"), json!({"sleep_ms": 500, "key": "a"}))
    };
    let ids = sim.enqueue((0..5).map(new).collect());
    sim.run_for(6_000);
    assert!(all(&sim, &ids, State::Succeeded));
    assert_eq!(most(&sim, "a"), 1);
}

#[test]
fn no_more_of_a_key_begin_in_a_minute_than_may() {
    let rate = Rate {
        count: 5,
        period_s: 60,
    };
    let sim = limited(1, None, Some(rate));
    let ids = sim.enqueue(of("a", 20, 0));
    // Nobody asks for anything meanwhile.
    sim.run_for(4 * MINUTE_MS);
    assert!(all(&sim, &ids, State::Succeeded));
    let mut begun = std::collections::BTreeMap::<u64, u64>::new();
    for began in sim.world.began.borrow().iter() {
        *begun.entry(began.at_ms / MINUTE_MS).or_default() += 1;
    }
    assert!(begun.values().all(|n| *n == 5), "{begun:?}");
}

#[test]
fn what_waits_for_its_key_is_queued_and_can_be_cancelled_and_expires() {
    let sim = limited(1, Some(1), None);
    let first = sim.enqueue(of("a", 1, 3_000));
    sim.run_for(100);
    let soon = Some(sim.now_ms() + 1_000);
    let expiring = TaskSpec {
        expires_ms: soon,
        ..keyed("a", "expires", json!({}))
    };
    let tasks = vec![
        keyed("a", "cancelled", json!({})),
        expiring,
        keyed("a", "last", json!({})),
    ];
    let ids = sim.enqueue(tasks);
    sim.run_for(500);
    assert!(all(&sim, &ids, State::Queued));
    assert!(ids.iter().all(|id| sim.view(id).unwrap().attempt == 0));
    let id = ids[0].clone();
    let cancelled = sim.wait(|queue| async move { queue.cancel(&id).await.unwrap() });
    assert_eq!(cancelled, Cancelled::Done);
    sim.run_for(3_000);
    assert_eq!(sim.state(&first[0]), State::Succeeded);
    // Neither of them keeps the last one waiting.
    let states: Vec<_> = ids.iter().map(|id| sim.state(id)).collect();
    assert_eq!(states, [State::Cancelled, State::Expired, State::Succeeded]);
}

#[test]
fn what_the_dead_held_is_free_with_their_windows() {
    let sim = limited(1, Some(1), None);
    sim.enqueue(of("a", 1, 30_000));
    sim.run_for(100);
    let second = sim.enqueue_one(keyed("a", "second", json!({})));
    sim.run_for(2_000);
    sim.alive().iter().for_each(|worker| worker.kill());
    sim.run_for(100);
    // One request, and nobody asks any more.
    sim.run_for(5_000);
    sim.tick();
    sim.run_for(3 * KEY_WINDOW_MS);
    assert_eq!(sim.state(&second), State::Succeeded);
}

#[test]
fn a_paused_queue_begins_none_of_those_that_wait_for_their_key() {
    let sim = limited(1, Some(1), None);
    let ids = sim.enqueue(of("a", 3, 1_000));
    sim.run_for(100);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    sim.run_for(5 * SECOND_MS);
    let done = ids.iter().filter(|id| sim.state(id) == State::Succeeded);
    assert_eq!(done.count(), 1);
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
    sim.run_for(5 * SECOND_MS);
    assert!(all(&sim, &ids, State::Succeeded));
}

#[test]
fn without_limits_a_key_is_only_shown() {
    let sim = Sim::new(1);
    let ids = sim.enqueue(of("a", 5, 1_000));
    sim.run_for(1_500);
    assert!(all(&sim, &ids, State::Succeeded));
    let kept = sim.view(&ids[0]).unwrap().task.spec.key;
    assert_eq!(kept.as_deref(), Some("a"));
    let plain = sim.enqueue_one(task("plain", json!({})));
    assert_eq!(sim.view(&plain).unwrap().task.key, None);
}
