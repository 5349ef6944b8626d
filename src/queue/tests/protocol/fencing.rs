//! Who lost its claim can't change what its successor decided.

use crate::support::{self, Action, Call, Sim, When, keys, task};
use futures::FutureExt;
use handoff_queue::{State, Store, TaskSpec, TaskStatus, WINDOW_MS, Wake};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

fn short_timeout(task: TaskSpec) -> TaskSpec {
    TaskSpec {
        timeout_ms: 5_000,
        ..task
    }
}

/// A task whose first owner stops for 100 s before `operation` on `key`, and comes back.
fn stalled_owner(seed: u64, operation: &'static str, key: String, new: TaskSpec) -> Sim {
    let sim = Sim::new(seed);
    let mut first = true;
    sim.world.faults.script(move |call| {
        if first && call.is(operation, &key) && call.by_worker() {
            first = false;
            return Action::Stall(When::Before, 100_000);
        }
        Action::Pass
    });
    let id = sim.enqueue_one(new);
    sim.run_with_ticks(60_000, 5_000);
    let before = sim.status(&id);
    assert!(
        matches!(before, TaskStatus::Final(_)),
        "a successor decided: {before:?}"
    );
    sim.run_with_ticks(80_000, 5_000);
    assert_eq!(sim.status(&id), before, "the owner came back");
    assert_eq!(sim.world.ledger.violation(), None);
    sim
}

/// Announces (1, 1), as somebody may do who was slow.
fn announce_first_epoch(sim: &Sim) {
    let store = &sim.world.store;
    let slot = store
        .increment(keys::TAIL, 1)
        .now_or_never()
        .unwrap()
        .unwrap();
    let record = br#"1{"announce":[1,1]}"#;
    store
        .set(&keys::slot(slot), record)
        .now_or_never()
        .unwrap()
        .unwrap();
}

#[test]
fn an_owner_of_epoch_0_that_comes_back_changes_nothing() {
    let sim = stalled_owner(
        1,
        "set",
        keys::run(1, 0),
        short_timeout(task("a", json!({}))),
    );
    assert_eq!(sim.began("a").len(), 2);
    assert!(
        sim.world.store.keys().contains(&keys::run(1, 0)),
        "it did write"
    );
}

#[test]
fn an_owner_of_a_later_epoch_that_comes_back_changes_nothing() {
    let new = short_timeout(task("a", json!({"sleep_ms": 500})));
    let new = TaskSpec {
        not_before_ms: Some(support::START_MS + 100),
        ..new
    };
    // Its second write to the key is the outcome; the first is the start mark.
    let sim = Sim::new(2);
    let mut writes = 0;
    sim.world.faults.script(move |call| {
        if call.is("set", &keys::run(1, 1)) {
            writes += 1;
            if writes == 2 {
                return Action::Stall(When::Before, 100_000);
            }
        }
        Action::Pass
    });
    let id = sim.enqueue_one(new);
    sim.run_with_ticks(60_000, 5_000);
    let before = sim.status(&id);
    let TaskStatus::Final(run) = &before else {
        panic!("{before:?}")
    };
    assert_eq!(run.epoch, 2);
    sim.run_with_ticks(80_000, 5_000);
    assert_eq!(sim.status(&id), before);
    assert_eq!(sim.began("a").len(), 2);
    let late = sim
        .world
        .store
        .get(&keys::run(1, 1))
        .now_or_never()
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&late).contains("succeeded"),
        "it did write"
    );
}

#[test]
fn who_dies_between_outcome_and_decision_is_finished_by_rescue() {
    for (operation, key) in [("counter", keys::claim(1, 2)), ("set", keys::result(1))] {
        let sim = Sim::new(3);
        let mut first = true;
        sim.world.faults.script(move |call| {
            if first && call.by_worker() && call.is(operation, &key) {
                first = false;
                return Action::Kill(When::Before);
            }
            Action::Pass
        });
        let id = sim.enqueue_one(TaskSpec {
            not_before_ms: Some(sim.now_ms() + 100),
            ..task("a", json!({"then": 5}))
        });
        sim.run_for(3_000);
        assert_eq!(sim.began("a").len(), 1);
        assert!(
            !matches!(sim.status(&id), TaskStatus::Final(_)),
            "{operation}"
        );
        sim.run_with_ticks(40_000, 5_000);
        let view = sim.view(&id).unwrap();
        assert_eq!(
            (view.state, view.result),
            (State::Succeeded, Some(json!(5).into()))
        );
        assert_eq!(sim.began("a").len(), 1, "it had run");
    }
}

#[test]
fn a_stale_announcement_of_a_final_task_changes_nothing() {
    let sim = Sim::new(4);
    let id = sim.enqueue_one(task("a", json!({"then": 5})));
    sim.until_state(&id, State::Succeeded, 1_000);
    sim.run_for(60_000);
    let before = sim.status(&id);
    for times in 1..=2 {
        announce_first_epoch(&sim);
        sim.tick();
        sim.run_for(5_000);
        assert_eq!(sim.status(&id), before, "{times}");
        assert_eq!(sim.began("a").len(), 1);
    }
}

#[test]
fn a_killed_worker_is_replaced_and_the_task_runs_again() {
    let sim = Sim::new(5);
    let id = sim.enqueue_one(short_timeout(task(
        "a",
        json!({"sleep_ms": 2_000, "then": 5}),
    )));
    sim.run_for(1_500);
    sim.alive().iter().for_each(|w| w.kill());
    sim.run_with_ticks(60_000, 5_000);
    let view = sim.view(&id).unwrap();
    // Why the worker was lost is not known: it may have been a neighbour's doing, so no attempt is counted.
    assert_eq!((view.state, view.attempt), (State::Succeeded, 1));
    assert_eq!(sim.began("a").len(), 2);
    assert_eq!((view.errors, view.lost), (vec![], 1));
    let metrics = sim.wait(|queue| async move { queue.metrics().await.unwrap() });
    let lost: Vec<_> = metrics
        .kinds
        .iter()
        .map(|(_, counts)| counts.runs_lost)
        .collect();
    assert_eq!(lost, [1]);
}

#[test]
fn a_failed_write_of_an_outcome_is_repeated_with_the_same_bytes() {
    // The first write of epoch 1's run is its start mark.
    for (key, passes) in [(keys::run(1, 1), 1), (keys::result(1), 0)] {
        for when in [When::Before, When::After] {
            let sim = Sim::new(6);
            let writes = Rc::new(Cell::new(0));
            let (seen, fails) = (writes.clone(), key.clone());
            sim.world.faults.script(move |call| {
                if !call.is("set", &fails) {
                    return Action::Pass;
                }
                seen.set(seen.get() + 1);
                match (passes + 1..=passes + 3).contains(&seen.get()) {
                    true => Action::Fail(when),
                    false => Action::Pass,
                }
            });
            // Claimed late enough that the start mark of epoch 1 is written.
            let id = sim.enqueue_one(TaskSpec {
                not_before_ms: Some(sim.now_ms() + 100),
                ..short_timeout(task("a", json!({"sleep_ms": 200})))
            });
            // A run whose outcome is missing is lost later than that.
            sim.run_for(3_000);
            assert_eq!(writes.get(), passes + 4, "{key} {when:?}");
            assert_eq!(sim.state(&id), State::Succeeded);
            sim.run_with_ticks(60_000, 5_000);
            assert_eq!(sim.began("a").len(), 1);
            assert_eq!(sim.world.ledger.violation(), None, "{key} {when:?}");
        }
    }
}

/// Fails if calls follow each other without end.
fn without_end() -> impl FnMut(&Call<'_>) {
    let mut calls = 0;
    move |_| {
        calls += 1;
        assert!(
            calls < 50_000,
            "it looks again and again without any time passing"
        );
    }
}

/// Closes the seconds from 11 to 24 s after now, as a keeper that is ahead does. Returns the time
/// from which on they are open.
fn close_seconds_ahead(sim: &Sim) -> u64 {
    let now_s = sim.now_ms() / 1_000;
    let store = &sim.world.store;
    for second in now_s + 11..=now_s + 24 {
        let key = keys::due_second(second);
        store
            .increment(&key, 1 << 40)
            .now_or_never()
            .unwrap()
            .unwrap();
    }
    (now_s + 25) * 1_000
}

#[test]
fn a_deadline_in_a_second_that_a_keeper_ahead_has_passed_is_put_off_to_a_later_one() {
    let sim = Sim::new(7);
    // Its worker ends a part after 8 s, and dies before it announces the next one.
    let ended_ms = sim.now_ms() + 7_900;
    let mut without_end = without_end();
    sim.world.faults.script(move |call| {
        without_end(call);
        match call.is("set", &keys::run(1, 0)) && call.now_ms > ended_ms {
            true => Action::Kill(When::After),
            false => Action::Pass,
        }
    });
    let id = sim.enqueue_one(task("a", json!({"continues": 1, "sleep_ms": 8_000})));
    sim.run_for(500);
    let open_ms = close_seconds_ahead(&sim);
    sim.run_for(10_500);
    assert!(sim.alive().is_empty());
    // The keeper of the next window passes its slot shortly before that part is due, 5 s after the
    // end of this one.
    sim.run_for(WINDOW_MS - sim.now_ms() % WINDOW_MS);
    sim.tick();
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    let began: Vec<_> = sim.began("a").iter().map(|began| began.at_ms).collect();
    assert_eq!(began.len(), 2);
    assert!(
        (open_ms..open_ms + 2_000).contains(&began[1]),
        "{began:?}, {open_ms}"
    );
}

#[test]
fn an_unmarked_ticket_is_lost_if_a_keeper_ahead_has_passed_the_end_of_its_lease() {
    let sim = Sim::new(7);
    sim.world.faults.observe(without_end());
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 20_000,
        ..task("a", json!({"sleep_ms": 15_000}))
    });
    sim.run_for(500);
    sim.alive().iter().for_each(|w| w.kill());
    // Without a mark it is lost 12 s after the next keeper knows of its ticket.
    let open_ms = close_seconds_ahead(&sim);
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    let began: Vec<_> = sim.began("a").iter().map(|began| began.at_ms).collect();
    assert_eq!(began.len(), 2);
    assert!(began[1] < open_ms, "{began:?}, {open_ms}");
}

#[test]
fn a_task_that_is_announced_twice_runs_once() {
    let sim = Sim::new(8);
    sim.world.faults.wake_fails.set(1_000);
    let id = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 600_000),
        ..task("a", json!({"sleep_ms": 100}))
    });
    for _ in 0..2 {
        announce_first_epoch(&sim);
    }
    sim.worker(Wake::Work);
    sim.worker(Wake::Work);
    sim.run_for(2_000);
    assert_eq!(
        (sim.state(&id), sim.began("a").len()),
        (State::Succeeded, 1)
    );
}

#[test]
fn a_ticket_that_was_held_too_long_is_not_used() {
    let sim = Sim::new(9);
    let mut first = true;
    sim.world.faults.script(move |call| {
        if first && call.is("get_many", &keys::slot(1)) {
            first = false;
            return Action::Stall(When::After, 60_000);
        }
        Action::Pass
    });
    let id = sim.enqueue_one(short_timeout(task("a", json!({}))));
    sim.run_with_ticks(100_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    assert_eq!(sim.began("a").len(), 1, "by the successor only");
}
