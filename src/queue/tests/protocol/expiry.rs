//! Expiry: what has not begun in time does not begin, and ends; what began is left alone.

use crate::support::{Action, Sim, When, computing, keys, task};
use handoff_queue::{CLOCK_SLACK_MS, RETENTION_MIN_MS, State, TaskId, TaskSpec, TaskStatus, Wake};
use serde_json::{Value, json};

fn expiring(sim: &Sim, name: &str, args: Value, ms: u64) -> TaskSpec {
    TaskSpec {
        expires_ms: Some(sim.now_ms() + ms),
        ..task(name, args)
    }
}

fn asleep(seed: u64) -> Sim {
    let sim = Sim::new(seed);
    sim.world.faults.wake_fails.set(1_000);
    sim
}

fn cancel(sim: &Sim, id: &TaskId) -> handoff_queue::Cancelled {
    let id = id.clone();
    sim.wait(|queue| async move { queue.cancel(&id).await.unwrap() })
}

#[test]
fn whoever_takes_it_too_late_ends_it() {
    let sim = asleep(1);
    let late = sim.enqueue_one(expiring(&sim, "late", json!({}), 1_000));
    let early = sim.enqueue_one(expiring(&sim, "early", json!({}), 60_000));
    sim.run_for(1_001);
    // Nobody took it: it may still be cancelled, for instance.
    assert_eq!(sim.state(&late), State::Queued);
    let found_ms = sim.now_ms();
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    let view = sim.view(&late).unwrap();
    assert_eq!((view.state, view.attempt), (State::Expired, 0));
    assert!(view.ended_ms.unwrap() >= found_ms && view.started_ms.is_none());
    assert_eq!(sim.state(&early), State::Succeeded);
    assert!(sim.began("late").is_empty());
    // Nothing brings it back, and retention takes it.
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(sim.state(&late), State::Expired);
    assert_eq!(cancel(&sim, &late), handoff_queue::Cancelled::Final);
}

#[test]
fn an_expired_task_stays_readable_for_its_retention_from_then_on() {
    let sim = asleep(2);
    let id = sim.enqueue_one(TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..expiring(&sim, "a", json!({}), 1_000)
    });
    // Longer than its retention after it expired.
    sim.run_for(3 * RETENTION_MIN_MS);
    sim.world.faults.off();
    sim.worker(Wake::Work);
    sim.run_with_ticks(RETENTION_MIN_MS - 60_000, 60_000);
    assert_eq!(sim.state(&id), State::Expired);
    sim.run_with_ticks(2 * RETENTION_MIN_MS, 60_000);
    assert_eq!(sim.status(&id), TaskStatus::Unknown);
}

#[test]
fn a_delayed_task_expires_when_the_timer_is_late() {
    let sim = Sim::new(3);
    let due_ms = sim.now_ms() + 5_000;
    let delayed = |name: &str, expires_ms| TaskSpec {
        not_before_ms: Some(due_ms),
        expires_ms: Some(expires_ms),
        ..task(name, json!({}))
    };
    let late = sim.enqueue_one(delayed("late", due_ms + 10_000));
    let early = sim.enqueue_one(delayed("early", due_ms + 60_000));
    sim.alive().iter().for_each(|w| w.kill());
    sim.run_for(20_000);
    assert_eq!(sim.state(&late), State::Queued);
    sim.tick();
    sim.run_for(10_000);
    assert_eq!(sim.state(&late), State::Expired);
    assert_eq!(sim.state(&early), State::Succeeded);
    assert!(sim.began("late").is_empty());
}

#[test]
fn what_began_in_time_is_tried_again_and_goes_on() {
    let sim = Sim::new(4);
    let table = [
        json!({"sleep_ms": 3_000}),
        json!({"fail_times": 2, "after_ms": 3_000}),
        json!({"continues": 3, "sleep_ms": 700}),
        json!({"panic_times": 1, "sleep_ms": 1_500}),
    ];
    let tasks = table.iter().enumerate();
    let tasks = tasks.map(|(i, args)| expiring(&sim, &format!("t{i}"), args.clone(), 500));
    for id in sim.enqueue(tasks.collect()) {
        sim.until_state(&id, State::Succeeded, 60_000);
    }
}

#[test]
fn a_lost_run_is_tried_again_though_its_time_to_begin_is_over() {
    let sim = Sim::new(5);
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 3_000,
        ..expiring(&sim, "a", json!({"sleep_ms": 1_500}), 500)
    });
    sim.run_for(1_200);
    sim.alive().iter().for_each(|w| w.kill());
    sim.run_with_ticks(30_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
}

#[test]
fn what_was_put_back_before_it_began_still_expires() {
    let sim = asleep(6);
    // The second can't begin beside the first, and is put back.
    let first = sim.enqueue_one(computing("first", json!({"sleep_ms": 5_000})));
    let second = sim.enqueue_one(TaskSpec {
        expires_ms: Some(sim.now_ms() + 2_000),
        ..computing("second", json!({}))
    });
    let third = sim.enqueue_one(task("third", json!({})));
    sim.worker(Wake::Work);
    sim.run_for(30_000);
    sim.world.faults.off();
    sim.run_with_ticks(30_000, 5_000);
    for id in [&first, &third] {
        assert_eq!(sim.state(id), State::Succeeded);
    }
    assert_eq!(sim.state(&second), State::Expired);
    assert!(sim.began("second").is_empty());
}

#[test]
fn it_expires_between_its_claim_and_its_begin() {
    let sim = asleep(7);
    let id = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 1),
        ..expiring(&sim, "a", json!({}), 6_000)
    });
    // The worker finds it in time, and then the store is slow, though not so slow that it is put back.
    let mut slept = false;
    sim.world.faults.script(move |call| {
        if call.key.contains(".xb.") && !slept {
            slept = true;
            return Action::Slow(1_600);
        }
        Action::Pass
    });
    sim.run_for(4_500);
    sim.worker(Wake::Keep);
    sim.run_for(60_000);
    assert!(sim.began("a").is_empty(), "{:?}", sim.began("a"));
    assert_eq!(sim.state(&id), State::Expired);
}

#[test]
fn it_expires_while_it_waits_for_its_neighbours_to_end() {
    let sim = asleep(10);
    let neighbour = sim.enqueue_one(task("neighbour", json!({"sleep_ms": 150})));
    let id = sim.enqueue_one(TaskSpec {
        expires_ms: Some(sim.now_ms() + 100),
        ..computing("a", json!({}))
    });
    sim.worker(Wake::Work);
    sim.run_for(10_000);
    assert_eq!(sim.state(&neighbour), State::Succeeded);
    assert!(sim.began("a").is_empty(), "{:?}", sim.began("a"));
    assert_eq!(sim.state(&id), State::Expired);
}

#[test]
fn clocks_that_differ_let_it_begin_late_by_no_more_than_they_do() {
    for seed in 0..40 {
        let sim = Sim::new(seed);
        sim.world.faults.skew_ms.set(CLOCK_SLACK_MS - 1);
        let expires_ms = sim.now_ms() + 2_000;
        let ids: Vec<_> = (0..20)
            .map(|i| {
                sim.run_for(150);
                sim.enqueue_one(TaskSpec {
                    expires_ms: Some(expires_ms),
                    ..task(&format!("t{i}"), json!({}))
                })
            })
            .collect();
        sim.run_with_ticks(30_000, 5_000);
        for (i, id) in ids.iter().enumerate() {
            match sim.began(&format!("t{i}")).first() {
                Some(began) => assert!(began.at_ms <= expires_ms + CLOCK_SLACK_MS),
                None => assert_eq!(sim.state(id), State::Expired),
            }
        }
        assert_eq!(sim.state(&ids[19]), State::Expired, "seed {seed}");
    }
}

#[test]
fn a_cancel_that_was_confirmed_counts_before_the_expiry() {
    let sim = asleep(8);
    let id = sim.enqueue_one(expiring(&sim, "a", json!({}), 1_000));
    assert_eq!(cancel(&sim, &id), handoff_queue::Cancelled::Done);
    sim.run_for(5_000);
    sim.worker(Wake::Work);
    sim.run_for(20_000);
    assert_eq!(sim.state(&id), State::Cancelled);
}

#[test]
fn a_late_write_of_the_expiry_does_not_undo_what_came_after() {
    let sim = Sim::new(9);
    sim.world.faults.wake_fails.set(1_000);
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 1_000,
        ..expiring(&sim, "a", json!({}), 500)
    });
    sim.run_for(600);
    // Its first owner stalls before it writes that it expired; rescue delivers it again.
    let mut first = true;
    let key = keys::run(id.slot(), 0);
    sim.world.faults.script(move |call| {
        if first && call.key == key && call.operation == "set" {
            first = false;
            return Action::Stall(When::Before, 60_000);
        }
        Action::Pass
    });
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    sim.world.faults.wake_fails.set(0);
    sim.run_with_ticks(40_000, 5_000);
    let view = sim.view(&id).unwrap();
    assert_eq!(view.state, State::Expired);
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(sim.view(&id).unwrap().ended_ms, view.ended_ms);
}
