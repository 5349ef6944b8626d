//! Delays and retries: never early, and soon.

use crate::support::{self, Action, Sim, When, computing, keys, task};
use handoff_queue::{CLOCK_SLACK_MS, DELAY_MAX_MS, RetryPolicy, State, TaskSpec, Wake};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;

/// How late a task may begin while a keeper lives: the timer turns every second.
const LATE_MS: u64 = 2_000;

fn delayed(sim: &Sim, name: &str, ms: u64) -> TaskSpec {
    TaskSpec {
        not_before_ms: Some(sim.now_ms() + ms),
        ..task(name, json!({}))
    }
}

#[test]
fn a_delayed_task_shows_its_time_and_begins_then() {
    let sim = Sim::new(1);
    let due_ms = sim.now_ms() + 30_000;
    let id = sim.enqueue_one(delayed(&sim, "a", 30_000));
    sim.run_for(20_000);
    let view = sim.view(&id).unwrap();
    assert_eq!((view.state, view.next_ms), (State::Scheduled, Some(due_ms)));
    sim.run_for(20_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    let at_ms = sim.began("a")[0].at_ms;
    assert!(
        (due_ms..=due_ms + LATE_MS).contains(&at_ms),
        "{}",
        at_ms - due_ms
    );
}

#[test]
fn delays_of_all_lengths_are_never_early_and_soon_with_no_tick_at_all() {
    let sim = Sim::new(2);
    let mut due = Vec::new();
    for i in 0..60 {
        let ms = [1, 300, 999, 1_000, 4_001, 59_999, 600_000][i % 7] + sim.world.below(3_000);
        let name = format!("t{i}");
        due.push((name.clone(), sim.now_ms() + ms));
        sim.enqueue_one(delayed(&sim, &name, ms));
        sim.run_for(sim.world.below(400));
    }
    sim.run_for(700_000);
    for (name, due_ms) in due {
        let began = sim.began(&name);
        assert_eq!(began.len(), 1, "{name}");
        let at_ms = began[0].at_ms;
        assert!(at_ms >= due_ms, "{name} began {} ms early", due_ms - at_ms);
        assert!(
            at_ms <= due_ms + LATE_MS,
            "{name} began {} ms late",
            at_ms - due_ms
        );
    }
}

#[test]
fn skewed_clocks_make_a_delay_early_by_no_more_than_the_skew() {
    for seed in 0..30 {
        let sim = Sim::new(seed);
        sim.world.faults.skew_ms.set(CLOCK_SLACK_MS - 1);
        let due_ms = sim.now_ms() + 7_000;
        sim.enqueue_one(delayed(&sim, "a", 7_000));
        sim.run_for(30_000);
        let began = sim.began("a");
        assert_eq!(began.len(), 1, "seed {seed}");
        assert!(began[0].at_ms + CLOCK_SLACK_MS > due_ms, "seed {seed}");
        // Late by the keeper's turn; an inserter behind the keeper's clock announces by itself.
        assert!(began[0].at_ms <= due_ms + LATE_MS, "seed {seed}");
    }
}

#[test]
fn a_time_that_is_past_means_at_once() {
    let sim = Sim::new(3);
    let id = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() - 5_000),
        ..task("a", json!({}))
    });
    sim.until_state(&id, State::Succeeded, 1_000);
}

#[test]
fn a_delay_of_thirty_days_is_found_with_few_calls() {
    let sim = Sim::new(4);
    let due_ms = sim.now_ms() + DELAY_MAX_MS;
    let id = sim.enqueue_one(delayed(&sim, "a", DELAY_MAX_MS));
    sim.run_for(30_000);
    assert_eq!(sim.alive().len(), 1, "a keeper stays");
    // All hosts stop for a month, but for the last five minutes.
    sim.alive().iter().for_each(|w| w.kill());
    sim.run_for(DELAY_MAX_MS - 330_000);
    assert_eq!(sim.state(&id), State::Scheduled);
    sim.world.store.take_calls();
    sim.tick();
    sim.run_for(5_000);
    let calls = sim.world.store.take_calls();
    println!("catching up with 30 days: {calls:?}");
    assert!(calls.writes < 600 && calls.reads < 500, "{calls:?}");
    sim.run_for(330_000);
    let at_ms = sim.began("a")[0].at_ms;
    assert!(
        (due_ms..=due_ms + LATE_MS).contains(&at_ms),
        "{at_ms} {due_ms}"
    );
}

#[test]
fn retries_back_off_with_jitter() {
    let sim = Sim::new(5);
    let names: Vec<_> = (0..30).map(|i| format!("t{i}")).collect();
    let tasks = names.iter().map(|n| TaskSpec {
        retry: RetryPolicy {
            initial_ms: 4_000,
            factor: 3.0,
            attempts: 4,
            max_ms: 10_000,
        },
        ..task(n, json!({"fail_times": 3}))
    });
    let ids = sim.enqueue(tasks.collect());
    sim.run_for(60_000);
    let mut first_waits = Vec::new();
    for (name, id) in names.iter().zip(&ids) {
        let view = sim.view(id).unwrap();
        assert_eq!((view.state, view.attempt), (State::Succeeded, 4));
        let began = sim.began(name);
        let waits: Vec<_> = began.windows(2).map(|w| w[1].at_ms - w[0].at_ms).collect();
        for (wait, longest) in waits.iter().zip([4_000, 10_000, 10_000]) {
            assert!(*wait <= longest + LATE_MS, "{name}: {waits:?}");
        }
        first_waits.push(waits[0]);
    }
    first_waits.sort_unstable();
    assert!(
        first_waits[0] < 1_500 && first_waits[29] > 2_500,
        "{first_waits:?}"
    );
}

#[test]
fn a_wait_that_the_task_asked_for_is_kept() {
    let sim = Sim::new(6);
    let id = sim.enqueue_one(task("a", json!({"fail_times": 1, "after_ms": 9_000})));
    sim.run_for(5_000);
    assert_eq!(sim.state(&id), State::Retrying);
    assert_eq!(
        sim.view(&id).unwrap().next_ms,
        Some(sim.began("a")[0].at_ms + 9_000)
    );
    sim.run_for(10_000);
    let began = sim.began("a");
    let wait_ms = began[1].at_ms - began[0].at_ms;
    assert!((9_000..=9_000 + LATE_MS).contains(&wait_ms), "{wait_ms}");
}

#[test]
fn a_final_failure_lists_every_attempt() {
    let sim = Sim::new(7);
    let id = sim.enqueue_one(TaskSpec {
        retry: RetryPolicy {
            attempts: 3,
            ..RetryPolicy::default()
        },
        ..task("a", json!({"fail_times": 9}))
    });
    sim.run_for(30_000);
    let view = sim.view(&id).unwrap();
    assert_eq!((view.state, sim.began("a").len()), (State::Failed, 3));
    let errors: Vec<_> = view
        .errors
        .iter()
        .map(|e| (e.attempt, e.error.as_str()))
        .collect();
    assert_eq!(
        errors,
        [(1, "failure 1"), (2, "failure 2"), (3, "failure 3")]
    );
}

#[test]
fn lost_workers_use_up_attempts() {
    let sim = Sim::new(8);
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 8_000,
        retry: RetryPolicy {
            attempts: 2,
            ..RetryPolicy::default()
        },
        ..task("a", json!({"sleep_ms": 7_000}))
    });
    // The first run shares its instance, so that its loss is not held against it; the others are alone.
    for run in 1..=3 {
        let running = || sim.began("a").len() == run;
        for _ in 0..20 {
            if running() {
                break;
            }
            sim.run_for(5_000);
            sim.tick();
        }
        assert!(running(), "run {run}");
        // Past its first heartbeat.
        sim.run_for(1_500);
        sim.alive().iter().for_each(|w| w.kill());
    }
    sim.run_with_ticks(60_000, 5_000);
    let view = sim.view(&id).unwrap();
    assert_eq!((view.state, sim.began("a").len()), (State::Failed, 3));
    assert_eq!(view.errors.len(), 2);
    assert!(
        view.errors
            .iter()
            .all(|e| e.error.contains("the worker was lost"))
    );
}

#[test]
fn a_timeout_is_a_failed_attempt() {
    let sim = Sim::new(9);
    let once = RetryPolicy {
        attempts: 1,
        ..RetryPolicy::default()
    };
    let limited = |t: TaskSpec| TaskSpec {
        timeout_ms: 3_000,
        retry: once,
        ..t
    };
    let hangs = sim.enqueue_one(limited(task("hangs", json!({"hang": true}))));
    // One that can't be stopped returns late, and its result does not count.
    let late = sim.enqueue_one(limited(computing("late", json!({"sleep_ms": 4_500}))));
    for id in [hangs, late] {
        sim.until_state(&id, State::Failed, 6_000);
        let error = sim.view(&id).unwrap().errors[0].error.clone();
        assert!(error.contains("overran its timeout of 3000 ms"), "{error}");
    }
    sim.run_for(60_000);
    assert_eq!(sim.began("hangs").len() + sim.began("late").len(), 2);
}

#[test]
fn a_keeper_that_dies_is_followed_by_the_next_request() {
    let sim = Sim::new(10);
    sim.enqueue_one(delayed(&sim, "a", 60_000));
    sim.run_for(10_000);
    sim.alive().iter().for_each(|w| w.kill());
    sim.run_for(6_000);
    assert!(sim.alive().is_empty());
    sim.tick();
    let before = sim.world.workers.borrow().len();
    sim.run_for(50_000);
    assert_eq!(sim.began("a").len(), 1);
    assert!(before > 1);
    sim.worker(Wake::Work);
}

/// A worker that puts a retry into the timer stops before `operation` on a key with `part` in it, for `ms`. Meanwhile
/// the keeper passes the time at which the retry was due.
fn overtaken_by_the_keeper(operation: &'static str, part: &str, after_ms: u64, ms: u64) {
    let sim = Sim::new(11);
    let mut first = true;
    let stalls_at = part.to_owned();
    sim.world.faults.script(move |call| {
        let worker = call.by_worker();
        // The task is what the worker runs first; rescue's own entries come later.
        if first && worker && call.operation == operation && call.key.contains(&stalls_at) {
            first = false;
            return Action::Stall(When::Before, ms);
        }
        Action::Pass
    });
    let id = sim.enqueue_one(TaskSpec {
        // So that nobody takes the stalled worker for lost.
        timeout_ms: 3_600_000,
        heartbeat_timeout_ms: Some(3_600_000),
        ..task(
            "a",
            json!({"fail_times": 1, "after_ms": after_ms, "sleep_ms": 100}),
        )
    });
    // A keeper's own look at the marks is not the insertion's.
    sim.run_with_ticks(ms + 20_000, 5_000);
    assert_eq!(sim.began("a").len(), 2, "{operation} {part}");
    assert_eq!(sim.state(&id), State::Succeeded, "{operation} {part}");
}

#[test]
fn an_entry_written_after_its_second_was_closed_is_delivered_by_who_wrote_it() {
    overtaken_by_the_keeper("set", keys::DUE_ENTRIES, 2_000, 30_000);
}

#[test]
fn an_entry_whose_minute_was_skipped_is_delivered_by_who_wanted_to_insert_it() {
    let minute_s = support::START_MS / 60_000 * 60;
    assert!(
        support::START_MS / 1_000 + 42 < minute_s + 60,
        "due in the first minute"
    );
    overtaken_by_the_keeper("counter", &keys::due_minute(minute_s), 40_000, 120_000);
}

/// The timer entry of a retry comes before its outcome, which a slow store takes a while to write.
#[test]
fn a_retry_that_is_delivered_before_its_outcome_is_written_is_the_next_attempt() {
    for offset_ms in (0..1_000).step_by(50) {
        let sim = Sim::new(offset_ms);
        sim.run_for(offset_ms);
        // Who waits for this one keeps the time.
        sim.enqueue_one(TaskSpec {
            not_before_ms: Some(sim.now_ms() + 60_000),
            ..task("later", json!({}))
        });
        sim.run_for(500);
        let mut timed = false;
        sim.world.faults.script(move |call| {
            let entry = call.key.starts_with(keys::DUE_ENTRIES);
            timed |= entry && call.operation == "set" && !call.by_client();
            match timed && call.is("set", &keys::run(2, 0)) {
                true => Action::Slow(400),
                false => Action::Pass,
            }
        });
        let retried = task(
            "a",
            json!({"fail_times": 1, "after_ms": 100, "sleep_ms": 20}),
        );
        let id = sim.enqueue_one(retried);
        sim.run_for(5_000);
        assert_eq!(sim.state(&id), State::Succeeded);
        let attempts: Vec<_> = sim.began("a").iter().map(|b| b.attempt).collect();
        assert_eq!(attempts, [1, 2], "{offset_ms} ms after a second began");
    }
}

#[test]
fn a_keeper_that_comes_back_late_leaves_no_closed_minute() {
    let sim = Sim::new(4);
    let stalls = Rc::new(RefCell::new(None));
    let stalled = stalls.clone();
    sim.world.faults.script(move |call| {
        let closes = call.operation == "increment" && call.key.starts_with(keys::DUE_MINUTES);
        let mut stalled = stalled.borrow_mut();
        if closes && call.by_worker() && stalled.is_none() {
            *stalled = Some(call.key.to_owned());
            return Action::Stall(When::Before, 900_000);
        }
        Action::Pass
    });
    sim.enqueue_one(delayed(&sim, "a", 1_500_000));
    sim.run_with_ticks(3_600_000, 5_000);
    let key = stalls.take().unwrap();
    assert!(!sim.world.store.keys().contains(&key), "{key} is left");
}
