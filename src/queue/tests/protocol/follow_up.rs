//! What is enqueued when a task has ended.

use crate::support::{Action, Sim, When, computing, parts, set, task};
use handoff_queue::{FollowUp, Limits, Rate, RetryPolicy, State, TaskSpec, Waiting, Wake};
use serde_json::{Value, json};

fn followed(name: &str, args: Value) -> TaskSpec {
    TaskSpec {
        timeout_ms: 5_000,
        on_end: Some(FollowUp {
            kind: "io".to_owned(),
            args: json!({"name": format!("after {name}")}).into(),
            timeout_ms: 3_000,
            retry: RetryPolicy::default(),
        }),
        ..task(name, args)
    }
}

#[test]
fn every_end_is_followed_once() {
    let sim = Sim::new(1);
    sim.enqueue(vec![
        followed("done", json!({})),
        followed("retried", json!({"fail_times": 2, "after_ms": 100})),
        followed("in parts", json!({"continues": 3})),
        followed("failed", json!({"fatal": "no use"})),
        TaskSpec {
            not_before_ms: Some(sim.now_ms() + 2_000),
            expires_ms: Some(sim.now_ms()),
            ..followed("expired", json!({}))
        },
    ]);
    let delayed = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 60_000),
        ..followed("cancelled", json!({}))
    });
    sim.wait(|queue| async move { queue.cancel(&delayed).await.unwrap() });
    sim.run_for(30_000);
    let names = [
        "done",
        "retried",
        "in parts",
        "failed",
        "expired",
        "cancelled",
    ];
    for name in names {
        assert_eq!(sim.began(&format!("after {name}")).len(), 1, "{name}");
    }
    assert!(sim.began("after after done").is_empty());
}

#[test]
fn what_waits_when_it_is_cancelled_or_purged_is_followed() {
    let sim = Sim::new(2);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let one = sim.enqueue_one(followed("one", json!({})));
    sim.wait(|queue| async move { queue.cancel(&one).await.unwrap() });
    sim.enqueue(
        (0..5)
            .map(|i| followed(&format!("p{i}"), json!({})))
            .collect(),
    );
    // One of the six was cancelled before. What followed it is none that waits for the queue.
    let purge = |normal| {
        let mut left = Waiting {
            normal,
            ..Waiting::default()
        };
        sim.wait(|queue| async move { queue.purge(&mut left).await.unwrap() })
    };
    assert_eq!(purge(7), 6);
    assert_eq!(purge(u64::MAX), 0);
    sim.run_with_ticks(2_000, 1_000);
    assert_eq!(sim.began("after one").len(), 1);
    for i in 0..5 {
        assert_eq!(sim.began(&format!("after p{i}")).len(), 1);
    }
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
    sim.run_for(5_000);
    assert_eq!(sim.began("one").len() + sim.began("p0").len(), 0);
    assert_eq!(sim.began("after one").len(), 1);
    for i in 0..5 {
        assert_eq!(sim.began(&format!("after p{i}")).len(), 1);
    }
}

/// Its canceller ended it, and a claimer comes by when the key of what followed is forgotten.
#[test]
fn what_was_cancelled_long_ago_is_not_followed_again() {
    let sim = Sim::new(3);
    sim.world.faults.wake_fails.set(1_000);
    let id = sim.enqueue_one(followed("it", json!({})));
    sim.wait(|queue| async move { queue.cancel(&id).await.unwrap() });
    sim.run_for(3 * 86_400_000);
    sim.world.faults.wake_fails.set(0);
    sim.worker(Wake::Work);
    sim.run_for(30_000);
    assert_eq!(sim.began("after it").len(), 1);
}

/// Whoever runs it again after a crash finds what was enqueued.
#[test]
fn an_end_that_is_written_by_another_run_is_followed_once() {
    let sim = Sim::new(4);
    let mut dies = true;
    sim.world.faults.script(move |call| {
        let outcome = parts(call.key).0 == "o" && call.by_worker();
        if outcome && std::mem::take(&mut dies) {
            return Action::Kill(When::Before);
        }
        Action::Pass
    });
    let id = sim.enqueue_one(followed("it", json!({})));
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    assert_eq!(sim.began("it").len(), 2);
    assert_eq!(sim.began("after it").len(), 1);
}

/// Neither the concurrency nor the rate of the queue is used up by what follows an end, however slow.
#[test]
fn what_follows_an_end_uses_up_no_limit() {
    let sim = Sim::new(5);
    sim.world.queue_limits.set(Limits {
        concurrency: Some(1),
        rate: Some(Rate {
            count: 10,
            period_s: 3_600,
        }),
        ..Limits::default()
    });
    let slow = |i| {
        let mut task = followed(&format!("t{i}"), json!({}));
        if let Some(follow) = &mut task.on_end {
            set(&mut follow.args, "sleep_ms", 20_000);
            follow.timeout_ms = 25_000;
        }
        task
    };
    let ids = sim.enqueue((0..10).map(slow).collect());
    sim.run_for(5_000);
    for (i, id) in ids.iter().enumerate() {
        assert_eq!(sim.state(id), State::Succeeded);
        assert_eq!(sim.began(&format!("after t{i}")).len(), 1);
    }
    assert_eq!(sim.world.most_running.get(), 1);
}

/// Nor does anybody wait for receivers that take long: not even a task that wants an instance for itself.
#[test]
fn slow_follow_ups_keep_no_task_from_beginning() {
    let sim = Sim::new(6);
    let slow = |i| {
        let mut task = followed(&format!("t{i}"), json!({}));
        if let Some(follow) = &mut task.on_end {
            set(&mut follow.args, "sleep_ms", 20_000);
            follow.timeout_ms = 25_000;
        }
        task
    };
    sim.enqueue((0..600).map(slow).collect());
    sim.run_for(5_000);
    let mut ids = sim.enqueue(vec![computing("computes", json!({"sleep_ms": 100}))]);
    ids.push(sim.enqueue_one(task("waits", json!({}))));
    sim.run_for(3_000);
    for id in ids {
        assert_eq!(sim.state(&id), State::Succeeded);
    }
    sim.run_for(60_000);
    for i in 0..600 {
        assert_eq!(sim.began(&format!("after t{i}")).len(), 1);
    }
}
