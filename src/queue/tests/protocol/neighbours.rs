//! What one task may do to others.

use crate::support::{Sim, computing, task};
use handoff_queue::{RetryPolicy, State, TaskSpec, WorkerLimits};
use serde_json::json;

fn short_lease(task: TaskSpec, attempts: u32) -> TaskSpec {
    TaskSpec {
        timeout_ms: 2_000,
        retry: RetryPolicy {
            attempts,
            ..RetryPolicy::default()
        },
        ..task
    }
}

#[test]
fn a_task_that_kills_its_instance_takes_no_other_with_it() {
    let sim = Sim::new(1);
    // They have a single attempt. They begin together, and the one in the middle kills the instance when the others have
    // written a heartbeat.
    let tasks = (0..30).map(|i| match i {
        15 => task("killer", json!({"sleep_ms": 1_500, "traps": true})),
        _ => task(&format!("t{i}"), json!({"sleep_ms": 1_800})),
    });
    let ids = sim.enqueue(tasks.map(|t| short_lease(t, 1)).collect());
    for _ in 0..40 {
        sim.run_for(5_000);
        sim.tick();
    }
    for (i, id) in ids.iter().enumerate() {
        let view = sim.view(id).unwrap();
        let expected = if i == 15 {
            State::Failed
        } else {
            State::Succeeded
        };
        assert_eq!(view.state, expected, "t{i}: {:?}", view.errors);
    }
    // Once together, and then by itself, however often it kills.
    let killed = sim.began("killer").len();
    assert!(killed >= 2);
    for i in (0..30).filter(|&i| i != 15) {
        assert!(sim.began(&format!("t{i}")).len() <= 2, "t{i}");
    }
}

fn killer(name: &str) -> TaskSpec {
    TaskSpec {
        kind: "killer".to_owned(),
        ..short_lease(task(name, json!({"sleep_ms": 500, "traps": true})), 1)
    }
}

/// Once it is known, a task of that kind takes nobody with it, not even in its first run.
#[test]
fn a_kind_that_kills_again_and_again_is_kept_apart() {
    let sim = Sim::new(7);
    for i in 0..3 {
        sim.enqueue_one(killer(&format!("k{i}")));
    }
    sim.run_with_ticks(60_000, 1_000);
    for round in 0..5 {
        let beside = |i: usize| task(&format!("t{round}.{i}"), json!({"sleep_ms": 1_000}));
        let mut tasks: Vec<_> = (0..10).map(beside).collect();
        tasks.insert(5, killer(&format!("again{round}")));
        let ids = sim.enqueue(tasks);
        sim.run_with_ticks(5_000, 1_000);
        for (i, id) in ids.iter().enumerate().filter(|(i, _)| *i != 5) {
            assert_eq!(sim.state(id), State::Succeeded, "{round}.{i}");
        }
        let begun = (0..10).map(|i| sim.began(&format!("t{round}.{i}")).len());
        assert_eq!(begun.sum::<usize>(), 10, "{round}");
    }
}

/// One such task a second: whoever comes while it is not known yet is held up once, by as long as silence takes to be noticed.
#[test]
fn a_killer_every_second_holds_nobody_up_for_long() {
    let sim = Sim::new(8);
    let mut waits = Vec::new();
    for second in 0..120 {
        sim.enqueue_one(killer(&format!("k{second}")));
        let name = format!("t{second}");
        let asked_ms = sim.now_ms();
        let id = sim.enqueue_one(task(&name, json!({"sleep_ms": 4_000})));
        waits.push((name, id, asked_ms));
        sim.run_for(1_000);
    }
    sim.run_with_ticks(30_000, 1_000);
    let mut most_ms = 0;
    for (name, id, asked_ms) in waits {
        assert_eq!(sim.state(&id), State::Succeeded, "{name}");
        let last = sim.began(&name).last().map_or(0, |b| b.at_ms - asked_ms);
        most_ms = most_ms.max(last);
    }
    println!("begun for the last time after {most_ms} ms at most");
    assert!(most_ms <= 25_000, "{most_ms}");
}

#[test]
fn computing_tasks_do_not_start_more_instances_than_they_may() {
    let sim = Sim::new(2);
    sim.world.limits.set(WorkerLimits {
        workers_max: 4,
        ..WorkerLimits::default()
    });
    let tasks = (0..50).map(|i| computing(&format!("c{i}"), json!({"sleep_ms": 3_000})));
    let ids = sim.enqueue(tasks.collect());
    let began = || {
        (0..50)
            .map(|i| sim.began(&format!("c{i}")).len())
            .sum::<usize>()
    };
    sim.run_for(2_000);
    // A window may have ended in between.
    assert!((4..=8).contains(&began()), "{}", began());
    sim.run_for(180_000);
    for id in &ids {
        assert_eq!(sim.state(id), State::Succeeded);
    }
}

#[test]
fn what_comes_due_in_a_worker_that_takes_no_more_is_taken_by_another() {
    let sim = Sim::new(3);
    sim.world.limits.set(WorkerLimits {
        budget_ms: 3_000,
        ..WorkerLimits::default()
    });
    // The instance stays for the long task, past its budget; the other task comes due meanwhile, and nobody asks.
    let long = sim.enqueue_one(task("long", json!({"sleep_ms": 50_000})));
    let due_ms = sim.now_ms() + 20_000;
    let late = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(due_ms),
        ..task("late", json!({}))
    });
    sim.run_for(30_000);
    assert_eq!(sim.state(&long), State::Running);
    assert_eq!(sim.state(&late), State::Succeeded);
    let delay_ms = sim.began("late")[0].at_ms - due_ms;
    assert!(delay_ms <= 3_000, "{delay_ms}");
}

#[test]
fn a_computing_task_among_short_ones_is_not_passed_around() {
    let sim = Sim::new(4);
    let mut ids = Vec::new();
    // Short tasks never cease, so that every worker has some in progress whenever it meets one that computes.
    for wave in 0..100 {
        let short = |i| task(&format!("s{wave}.{i}"), json!({"sleep_ms": 40}));
        let mut tasks: Vec<_> = (0..5).map(short).collect();
        tasks.push(computing(&format!("c{wave}"), json!({})));
        ids.extend(sim.enqueue(tasks).pop());
        sim.run_for(10);
    }
    sim.run_for(5_000);
    for id in &ids {
        assert_eq!(sim.state(id), State::Succeeded);
    }
    // As many as for a task that nobody had to put back.
    let calls = ids.iter().map(|id| sim.world.ledger.calls(id.slot()));
    let most = calls.max().unwrap_or_default();
    assert!(most <= 4, "{most} store calls for one of them");
}

#[test]
fn a_computing_task_does_not_wait_for_long_ones() {
    let sim = Sim::new(5);
    sim.enqueue_one(task("long", json!({"sleep_ms": 50_000})));
    sim.run_for(500);
    sim.enqueue_one(computing("c", json!({})));
    let asked_ms = sim.now_ms();
    sim.run_for(5_000);
    let waited_ms = sim.began("c")[0].at_ms - asked_ms;
    assert!(waited_ms <= 500, "{waited_ms}");
}

/// Both are taken at once, and the first one panics before the other was ever looked at.
#[test]
fn who_panics_at_once_does_not_keep_its_neighbours_waiting() {
    let sim = Sim::new(6);
    let ids = sim.enqueue(vec![
        task("first", json!({})),
        short_lease(task("panics", json!({"panic_times": 1})), 2),
        task("next", json!({})),
        task("last", json!({"sleep_ms": 10})),
    ]);
    let asked_ms = sim.now_ms();
    sim.run_for(5_000);
    for (id, name) in ids.iter().zip(["first", "panics", "next", "last"]) {
        assert_eq!(sim.state(id), State::Succeeded, "{name}");
        let waited_ms = sim.began(name).last().map(|b| b.at_ms - asked_ms);
        assert!(waited_ms.unwrap() <= 3_000, "{name}: {waited_ms:?}");
    }
}
