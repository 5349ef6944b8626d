//! Cancelling, in every state and in every race with a claim.

use crate::support::{Action, Sim, When, keys, task};
use futures::FutureExt;
use handoff_queue::{Cancelled, State, Store, TaskId, TaskSpec, Wake};
use serde_json::json;

fn cancel(sim: &Sim, id: &TaskId) -> Cancelled {
    let id = id.clone();
    sim.wait(|queue| async move { queue.cancel(&id).await.unwrap() })
}

fn asleep(seed: u64) -> Sim {
    let sim = Sim::new(seed);
    sim.world.faults.wake_fails.set(1_000);
    sim
}

#[test]
fn a_waiting_task_never_runs() {
    let sim = asleep(1);
    let ids = sim.enqueue((0..3).map(|i| task(&format!("t{i}"), json!({}))).collect());
    assert_eq!(cancel(&sim, &ids[1]), Cancelled::Done);
    assert_eq!(sim.state(&ids[1]), State::Cancelled);
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    assert_eq!(sim.state(&ids[0]), State::Succeeded);
    assert_eq!(sim.state(&ids[1]), State::Cancelled);
    assert_eq!(sim.state(&ids[2]), State::Succeeded);
    assert!(sim.began("t1").is_empty());
    assert_eq!(cancel(&sim, &ids[1]), Cancelled::Final);
}

#[test]
fn a_delayed_task_never_runs() {
    let sim = Sim::new(2);
    let id = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 5_000),
        ..task("a", json!({}))
    });
    sim.run_for(1_000);
    assert_eq!(cancel(&sim, &id), Cancelled::Done);
    assert_eq!(sim.state(&id), State::Cancelled);
    sim.run_for(60_000);
    assert_eq!(sim.state(&id), State::Cancelled);
    assert!(sim.began("a").is_empty());
}

#[test]
fn a_task_between_two_attempts_is_not_tried_again() {
    let sim = Sim::new(3);
    let id = sim.enqueue_one(task("a", json!({"fail_times": 2, "after_ms": 5_000})));
    sim.run_for(1_000);
    assert_eq!(sim.state(&id), State::Retrying);
    assert_eq!(cancel(&sim, &id), Cancelled::Done);
    sim.run_for(60_000);
    let view = sim.view(&id).unwrap();
    assert_eq!((view.state, view.errors.len()), (State::Cancelled, 1));
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn a_running_task_sees_the_request_and_stops() {
    let sim = Sim::new(4);
    let id = sim.enqueue_one(task("a", json!({"until_cancelled": true})));
    sim.run_for(5_000);
    assert_eq!(cancel(&sim, &id), Cancelled::Requested);
    sim.until_state(&id, State::Cancelled, 1_500);
}

#[test]
fn what_fails_after_the_request_is_not_tried_again() {
    let sim = Sim::new(5);
    let id = sim.enqueue_one(task(
        "a",
        json!({"fail_times": 2, "after_ms": 3_000, "sleep_ms": 2_000}),
    ));
    sim.run_for(1_000);
    assert_eq!(cancel(&sim, &id), Cancelled::Requested);
    sim.run_for(30_000);
    assert_eq!(sim.state(&id), State::Cancelled);
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn a_final_or_unknown_task_stays_as_it_is() {
    let sim = Sim::new(6);
    let id = sim.enqueue_one(task("a", json!({"then": 7})));
    sim.until_state(&id, State::Succeeded, 1_000);
    let before = sim.status(&id);
    assert_eq!(cancel(&sim, &id), Cancelled::Final);
    assert_eq!(sim.status(&id), before);
    for unknown in [
        "test-1-0123456789abcdef01234567",
        "test-9-0123456789abcdef01234567",
    ] {
        assert_eq!(cancel(&sim, &unknown.parse().unwrap()), Cancelled::Unknown);
    }
}

/// A canceller that claimed the next epoch and dies: somebody else finishes it.
#[test]
fn a_canceller_that_dies_after_its_claim_is_finished_by_rescue() {
    for (operation, key) in [
        ("increment", keys::claim(1, 1)),
        ("set", keys::run(1, 1)),
        ("set", keys::result(1)),
    ] {
        for when in [When::Before, When::After] {
            let sim = Sim::new(9);
            let mut killed = false;
            let dies_at = key.clone();
            sim.world.faults.script(move |call| {
                // Between two runs, with nobody left who would announce the second one.
                if !call.by_client() && call.is("set", &keys::run(1, 0)) {
                    return Action::Kill(When::After);
                }
                if call.by_client() && !killed && call.is(operation, &dies_at) {
                    killed = true;
                    return Action::Kill(when);
                }
                Action::Pass
            });
            let id = sim.enqueue_one(task("a", json!({"continues": 1})));
            sim.run_for(100);
            let asked = id.clone();
            sim.spawn(|instance, queue| async move {
                instance.immune.set(false);
                queue.cancel(&asked).await.is_ok()
            });
            sim.run_with_ticks(60_000, 5_000);
            assert_eq!(
                sim.state(&id),
                State::Cancelled,
                "{operation} {key} {when:?}"
            );
            assert_eq!(sim.began("a").len(), 1);
        }
    }
}

/// The ticket is taken; the request comes before the claimer looks for one.
#[test]
fn a_claimer_that_is_slow_to_look_sees_the_request() {
    let sim = asleep(7);
    let id = sim.enqueue_one(task("a", json!({})));
    sim.world
        .faults
        .script(|call| match (call.operation, call.key) {
            ("counter", key) if key == keys::cancel_block(0) => Action::Stall(When::Before, 500),
            _ => Action::Pass,
        });
    sim.worker(Wake::Work);
    sim.run_for(200);
    assert_eq!(cancel(&sim, &id), Cancelled::Requested, "it has a ticket");
    sim.run_for(1_000);
    assert_eq!(sim.state(&id), State::Cancelled);
    assert!(sim.began("a").is_empty());
}

/// The canceller finds no ticket taken and is slow to write that; the claimer sees the request and writes the same.
#[test]
fn a_canceller_that_is_slow_to_write_changes_nothing() {
    let sim = asleep(8);
    let id = sim.enqueue_one(task("a", json!({})));
    sim.world
        .faults
        .script(|call| match (call.operation, call.key) {
            ("set", key) if key == keys::run(1, 0) && call.by_client() => {
                Action::Stall(When::Before, 2_000)
            }
            _ => Action::Pass,
        });
    let cancelled = id.clone();
    let canceller = sim.spawn(|_, queue| async move { queue.cancel(&cancelled).await });
    sim.run_for(10);
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    let before = sim.status(&id);
    assert_eq!(sim.state(&id), State::Cancelled);
    sim.run_for(5_000);
    assert_eq!(canceller.take(), Some(Ok(Cancelled::Done)));
    assert_eq!(sim.status(&id), before);
    assert!(sim.began("a").is_empty());
}

/// Whatever the interleaving: a confirmed cancel means that it did not run, or not again.
#[test]
fn a_confirmed_cancel_is_true_in_every_race() {
    let (mut confirmed, mut requested) = (0, 0);
    for seed in 0..400 {
        let sim = asleep(seed);
        sim.world.faults.yields.set(5_000);
        sim.world.faults.slow.set(2_000);
        let args = match seed % 3 {
            0 => json!({}),
            1 => json!({"fail_times": 1, "after_ms": 0}),
            _ => json!({"continues": 3}),
        };
        let id = sim.enqueue_one(task("a", args));
        sim.worker(Wake::Work);
        sim.run_for(sim.world.below(60));
        let asked = id.clone();
        let cancel = sim.spawn(|_, queue| async move { queue.cancel(&asked).await.unwrap() });
        sim.run_for(30_000);
        let state = sim.state(&id);
        match cancel.take().unwrap() {
            Cancelled::Done => {
                confirmed += 1;
                assert_eq!(state, State::Cancelled, "seed {seed}");
            }
            Cancelled::Requested => {
                requested += 1;
                assert!(
                    matches!(state, State::Cancelled | State::Succeeded),
                    "seed {seed}: {state}"
                );
            }
            Cancelled::Final => assert_eq!(state, State::Succeeded, "seed {seed}"),
            Cancelled::Unknown => panic!("seed {seed}"),
        }
        assert_eq!(sim.world.ledger.violation(), None, "seed {seed}");
    }
    assert!(confirmed > 20 && requested > 20, "{confirmed} {requested}");
}

/// An owner that was taken for lost came to its end after all, while its successor runs; rescue passes that only now, and somebody has cancelled
/// another task nearby.
#[test]
fn an_end_that_does_not_count_is_no_request_to_cancel() {
    let sim = Sim::new(8);
    let id = sim.enqueue_one(task("a", json!({"fail_times": 1, "after_ms": 0})));
    let other = sim.enqueue_one(task("b", json!({})));
    sim.run_for(1_000);
    sim.wait(|queue| async move { queue.cancel(&other).await.unwrap() });
    assert_eq!(sim.state(&id), State::Succeeded);
    let store = &sim.world.store;
    let result = [keys::result(1)];
    store.delete_many(&result).now_or_never().unwrap().unwrap();
    let claimed = store
        .increment(&keys::claim(1, 2), 1)
        .now_or_never()
        .unwrap();
    assert_eq!(claimed.unwrap(), 1);
    sim.run_with_ticks(30_000, 5_000);
    let flag = store.get(&keys::cancel(1)).now_or_never().unwrap().unwrap();
    assert_eq!(flag, None);
}
