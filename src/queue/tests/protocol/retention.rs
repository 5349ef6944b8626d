//! What is final goes after its retention, and nothing else does.

use crate::support::{Action, Sim, When, keys, task};
use futures::FutureExt;
use handoff_queue::{
    Cancelled, RETENTION_MIN_MS, RetryPolicy, State, Store, TaskSpec, TaskStatus, Wake,
};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

fn kept(ms: u64, task: TaskSpec) -> TaskSpec {
    TaskSpec {
        retention_ms: ms,
        ..task
    }
}

/// Keys that belong to slots or to timer entries. What legitimately remains besides: `tail`, `head`, `keeper`, `xb.*`
/// (one per 1,024 slots with a cancel), registrations of the last minute, and the timer's marks and closed seconds of
/// the current day.
fn left(sim: &Sim) -> Vec<String> {
    let keys = sim.world.store.keys();
    let of_tasks = |key: &String| {
        let kind = key.split('.').nth(2).unwrap();
        matches!(kind, "s" | "h" | "c" | "o" | "r" | "x" | "te" | "ge")
    };
    keys.into_iter().filter(of_tasks).collect()
}

#[test]
fn every_kind_of_task_goes_without_a_trace() {
    let sim = Sim::new(1);
    let kept = |t| kept(RETENTION_MIN_MS, t);
    let delayed = |ms: u64, t| TaskSpec {
        not_before_ms: Some(sim.now_ms() + ms),
        ..kept(t)
    };
    let once = RetryPolicy {
        attempts: 1,
        ..RetryPolicy::default()
    };
    let mut ids = sim.enqueue(vec![
        kept(task("plain", json!({}))),
        kept(task("retried", json!({"fail_times": 2}))),
        kept(task("continued", json!({"continues": 20}))),
        TaskSpec {
            retry: once,
            ..kept(task("failed", json!({"fail_times": 1})))
        },
        delayed(30_000, task("delayed", json!({}))),
        delayed(50_000, task("cancelled", json!({}))),
        kept(task("panicked", json!({"panic_times": 1}))),
    ]);
    // A batch is never as long as this test is about: one more task, of which the worker dies.
    let lost = sim.enqueue_one(kept(task("lost", json!({"sleep_ms": 3_000}))));
    sim.run_for(1_500);
    let cancelled = ids[5].clone();
    let answer = sim.wait(|queue| async move { queue.cancel(&cancelled).await.unwrap() });
    assert_eq!(answer, Cancelled::Done);
    sim.alive().iter().for_each(|w| w.kill());
    sim.run_with_ticks(3 * MINUTE_MS, 5_000);
    ids.push(lost);
    for id in &ids {
        assert!(matches!(sim.status(id), TaskStatus::Final(_)), "{id}");
    }
    sim.run_with_ticks(RETENTION_MIN_MS - 4 * MINUTE_MS, MINUTE_MS);
    for id in &ids {
        assert!(
            matches!(sim.status(id), TaskStatus::Final(_)),
            "{id} is kept"
        );
        assert!(sim.view(id).is_some());
    }
    sim.run_with_ticks(30 * MINUTE_MS, MINUTE_MS);
    assert_eq!(left(&sim), Vec::<String>::new());
    for id in &ids {
        assert_eq!(sim.status(id), TaskStatus::Unknown);
    }
    let keys = sim.world.store.keys();
    println!("{} keys remain: {keys:?}", keys.len());
}

#[test]
fn a_task_kept_longer_does_not_hold_back_those_behind_it() {
    let sim = Sim::new(2);
    let long = sim.enqueue_one(kept(4 * DAY_MS, task("long", json!({}))));
    let far = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 3 * DAY_MS),
        ..kept(RETENTION_MIN_MS, task("far", json!({})))
    });
    let short = sim.enqueue_one(kept(RETENTION_MIN_MS, task("short", json!({}))));
    sim.run_for(MINUTE_MS);
    // Keeping time for three days is another test's subject.
    let skip = |ms: u64| {
        let end_ms = sim.now_ms() + ms;
        while sim.now_ms() < end_ms {
            sim.alive().iter().for_each(|w| w.kill());
            sim.run_for(10 * MINUTE_MS);
            sim.tick();
            sim.run_for(12_000);
        }
    };
    skip(DAY_MS + 3 * HOUR_MS);
    assert_eq!(sim.status(&short), TaskStatus::Unknown);
    assert_eq!(sim.state(&long), State::Succeeded);
    assert_eq!(sim.state(&far), State::Scheduled);
    skip(2 * DAY_MS - 3 * HOUR_MS + 20 * MINUTE_MS);
    assert_eq!(sim.state(&far), State::Succeeded);
    assert_eq!(sim.state(&long), State::Succeeded);
    skip(DAY_MS + 3 * HOUR_MS);
    assert_eq!(sim.status(&long), TaskStatus::Unknown);
    assert_eq!(sim.status(&far), TaskStatus::Unknown);
    assert_eq!(left(&sim), Vec::<String>::new());
}

#[test]
fn registrations_go_after_an_hour_however_long_nobody_was_there() {
    let sim = Sim::new(3);
    for _ in 0..5 {
        sim.enqueue_one(task("a", json!({})));
        sim.run_for(MINUTE_MS);
        sim.run_for(3 * DAY_MS);
    }
    sim.worker(Wake::Work);
    sim.run_for(2 * MINUTE_MS);
    sim.run_with_ticks(2 * MINUTE_MS, 5_000);
    let keys = sim.world.store.keys();
    let registrations = keys
        .iter()
        .filter(|k| k.starts_with(keys::WORKERS) || k.starts_with(keys::KEEPERS));
    let hour_ago = (sim.now_ms() - 61 * MINUTE_MS) / 5_000;
    for key in registrations {
        let window: u64 = key.rsplit('.').next().unwrap().parse().unwrap();
        assert!(window >= hour_ago, "{key} is old");
    }
}

#[test]
fn a_keeper_that_dies_while_it_deletes_leaves_nothing_behind() {
    for dies_at in 1..=4 {
        for action in [
            Action::Kill(When::Before),
            Action::Kill(When::After),
            Action::KillInPart(0b01),
        ] {
            let sim = Sim::new(dies_at);
            let args = [json!({}), json!({"continues": 9}), json!({"fail_times": 1})];
            let tasks = args
                .into_iter()
                .map(|args| kept(RETENTION_MIN_MS, task("a", args)));
            let ids = sim.enqueue(tasks.collect());
            sim.run_for(MINUTE_MS);
            let mut calls = 0;
            // The last of these numbers are behind its last call.
            sim.world.faults.script_that_may_pass(move |call| {
                let kind = call.key.split('.').nth(2).unwrap_or_default();
                if call.operation == "delete_many" && matches!(kind, "s" | "h" | "o" | "r") {
                    calls += 1;
                    if calls == dies_at {
                        return action;
                    }
                }
                Action::Pass
            });
            sim.run_with_ticks(RETENTION_MIN_MS + 30 * MINUTE_MS, MINUTE_MS);
            assert_eq!(
                left(&sim),
                Vec::<String>::new(),
                "{action:?} at call {dies_at}"
            );
            assert_eq!(sim.status(&ids[0]), TaskStatus::Unknown);
        }
    }
}

#[test]
fn a_timer_entry_written_behind_the_keepers_back_goes_too() {
    for action in [
        Action::Stall(When::Before, 6_000),
        Action::Stall(When::After, 6_000),
    ] {
        let sim = Sim::new(4);
        // Somebody keeps time.
        sim.enqueue_one(TaskSpec {
            not_before_ms: Some(sim.now_ms() + 20_000),
            ..kept(RETENTION_MIN_MS, task("other", json!({})))
        });
        sim.run_for(1_000);
        sim.world.faults.script(move |call| {
            match call.operation == "set" && call.key.starts_with(keys::DUE_ENTRIES) {
                true if call.by_client() => action,
                _ => Action::Pass,
            }
        });
        let late = TaskSpec {
            not_before_ms: Some(sim.now_ms() + 2_000),
            ..kept(RETENTION_MIN_MS, task("late", json!({})))
        };
        sim.spawn(|_, queue| async move { queue.enqueue(vec![late]).await.is_ok() });
        sim.run_for(30_000);
        assert_eq!(sim.began("late").len(), 1, "{action:?}");
        sim.run_with_ticks(RETENTION_MIN_MS + 30 * MINUTE_MS, MINUTE_MS);
        assert_eq!(left(&sim), Vec::<String>::new(), "{action:?}");
    }
}

#[test]
fn a_keeper_that_comes_back_late_leaves_nothing_behind() {
    let sim = Sim::new(9);
    sim.enqueue_one(kept(RETENTION_MIN_MS, task("a", json!({"continues": 3}))));
    sim.run_with_ticks(RETENTION_MIN_MS - MINUTE_MS, MINUTE_MS);
    // One keeper stalls with what it read before the task was noted to be deleted. Another one notes it, takes the home away
    // and dies; the first comes back before a third begins.
    let mut stalls = String::new();
    let dies = Rc::new(Cell::new(true));
    let died = dies.clone();
    sim.world.faults.script(move |call| {
        let who = &call.instance.name;
        match (call.operation, call.key) {
            ("get", keys::KEEPER) if stalls.is_empty() => {
                stalls = who.clone();
                Action::Stall(When::After, 25 * MINUTE_MS)
            }
            ("delete_many", key) if key == keys::slot(1) && dies.take() => {
                Action::Kill(When::After)
            }
            ("get", keys::KEEPER) if !dies.get() && *who != stalls => Action::Fail(When::Before),
            _ => Action::Pass,
        }
    });
    sim.run_with_ticks(27 * MINUTE_MS, MINUTE_MS);
    assert!(!died.get());
    sim.world.faults.no_script();
    sim.run_with_ticks(RETENTION_MIN_MS, MINUTE_MS);
    assert_eq!(left(&sim), Vec::<String>::new());
}

#[test]
fn a_ticket_of_a_slot_that_is_given_hours_later_is_still_known_to_be_given_up() {
    let sim = Sim::new(7);
    sim.enqueue_one(kept(RETENTION_MIN_MS, task("a", json!({}))));
    sim.run_for(MINUTE_MS);
    // Two claimers saw that one slot waits, and each took a ticket.
    let taken = sim.world.store.increment(keys::HEAD, 1);
    assert_eq!(taken.now_or_never().unwrap().unwrap(), 2);
    sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
    sim.enqueue_one(task("b", json!({})));
    sim.run_for(3_000);
    assert_eq!(sim.began("b").len(), 1);
}
