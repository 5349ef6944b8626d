//! Between whoever fills a slot and who holds its ticket.

use crate::support::{self, Action, Sim, When, keys, task};
use futures::FutureExt;
use handoff_queue::{Store, Wake};
use serde_json::json;

/// An enqueuer that stops for `ms` between taking its slot and filling it; a worker that takes the ticket meanwhile.
fn slow_enqueuer(ms: u64) -> Sim {
    let sim = Sim::new(1);
    sim.world
        .faults
        .script(move |call| match (call.operation, call.key) {
            ("set", key) if key == keys::slot(1) => Action::Stall(When::Before, ms),
            _ => Action::Pass,
        });
    sim.spawn(|_, queue| async move {
        queue.enqueue(vec![task("a", json!({}))]).await.unwrap();
    });
    sim.run_for(1);
    sim.worker(Wake::Work);
    sim
}

fn has(sim: &Sim, key: &str) -> bool {
    sim.world.store.keys().iter().any(|k| k == key)
}

#[test]
fn a_ticket_taken_before_the_slot_is_filled_is_used() {
    let sim = slow_enqueuer(500);
    sim.run_for(400);
    assert!(sim.began("a").is_empty());
    sim.run_for(20_000);
    assert_eq!(sim.began("a").len(), 1);
    assert!(
        !has(&sim, &keys::claim(1, 1)),
        "no second delivery was needed"
    );
    assert!(sim.began("a")[0].at_ms - support::START_MS <= 600);
}

#[test]
fn a_slot_that_is_filled_a_moment_later_does_not_wait_for_the_next_round() {
    let sim = slow_enqueuer(4);
    sim.run_for(8);
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn a_ticket_given_up_before_the_slot_is_filled_is_replaced_by_the_enqueuer() {
    let sim = slow_enqueuer(5_000);
    sim.run_for(2_000);
    assert!(has(&sim, &keys::handover(1)), "given up");
    sim.run_for(4_000);
    assert_eq!(sim.began("a").len(), 1, "no later than the enqueuer comes");
    assert!(has(&sim, &keys::claim(1, 1)), "by a second delivery");
    sim.run_for(60_000);
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn a_ticket_given_up_after_the_slot_was_filled_is_used_after_all() {
    let sim = Sim::new(1);
    let mut fills = true;
    sim.world
        .faults
        .script(move |call| match (call.operation, call.key) {
            ("set", key) if key == keys::slot(1) => Action::Stall(When::Before, 1_200),
            // The claimer found the slot empty and gives up at 1.0 s; it is held up until the enqueuer was there.
            ("increment", key) if key == keys::handover(1) && call.by_worker() && fills => {
                fills = false;
                Action::Stall(When::Before, 500)
            }
            _ => Action::Pass,
        });
    sim.spawn(|_, queue| async move {
        queue.enqueue(vec![task("a", json!({}))]).await.unwrap();
    });
    sim.run_for(1);
    sim.worker(Wake::Work);
    sim.run_for(1_700);
    assert_eq!(sim.began("a").len(), 1);
    sim.run_for(60_000);
    assert_eq!(sim.began("a").len(), 1);
    assert!(
        !has(&sim, &keys::claim(1, 1)),
        "no second delivery was needed"
    );
}

#[test]
fn an_enqueuer_that_dies_before_it_filled_its_slot_leaves_nothing_behind() {
    let sim = Sim::new(1);
    sim.world
        .faults
        .script(move |call| match (call.operation, call.key) {
            ("set", key) if key == keys::slot(1) => Action::Kill(When::Before),
            _ => Action::Pass,
        });
    sim.spawn(|_, queue| async move { queue.enqueue(vec![task("a", json!({}))]).await.is_ok() });
    sim.run_for(10);
    let next = sim.enqueue_one(task("b", json!({})));
    sim.run_for(2_000);
    assert_eq!(sim.began("b").len(), 1);
    sim.run_for(60_000);
    assert!(sim.alive().is_empty(), "nobody waits for it");
    assert_eq!(sim.state(&next), handoff_queue::State::Succeeded);
}

#[test]
fn an_enqueuer_that_dies_after_it_filled_its_slot_may_leave_a_task_that_runs_once() {
    // The claimer gave up; the enqueuer fills the slot and dies before it can see that. It did not acknowledge.
    let sim = Sim::new(1);
    sim.world
        .faults
        .script(move |call| match (call.operation, call.key) {
            ("set", key) if key == keys::slot(1) => Action::Stall(When::Before, 3_000),
            ("increment", key) if key == keys::handover(1) && call.by_client() => {
                Action::Kill(When::Before)
            }
            _ => Action::Pass,
        });
    sim.spawn(|_, queue| async move { queue.enqueue(vec![task("a", json!({}))]).await.is_ok() });
    sim.run_for(1);
    sim.worker(Wake::Work);
    sim.run_with_ticks(120_000, 5_000);
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn an_enqueuer_that_was_overtaken_jumps_once_and_those_behind_it_are_not() {
    let sim = Sim::new(2);
    sim.world.faults.wake_fails.set(1_000);
    let store = &sim.world.store;
    // 50 tickets were taken of slots that nobody had filled, and given up.
    store
        .increment(keys::HEAD, 50)
        .now_or_never()
        .unwrap()
        .unwrap();
    store
        .increment(&keys::handover(1), 1 << 20)
        .now_or_never()
        .unwrap()
        .unwrap();
    store.take_calls();
    sim.wait(|queue| async move { queue.enqueue(vec![task("a", json!({}))]).await.unwrap() });
    let calls = store.take_calls();
    println!("overtaken by 50: {calls:?}");
    assert!(calls.writes <= 2 + 5 && calls.reads <= 2 + 2, "{calls:?}");
    for slot in 2..=50 {
        let record = store
            .get(&keys::slot(slot))
            .now_or_never()
            .unwrap()
            .unwrap();
        assert_eq!(record.as_deref(), Some(&b"1\"void\""[..]), "slot {slot}");
    }
    sim.wait(|queue| async move { queue.enqueue(vec![task("b", json!({}))]).await.unwrap() });
    assert_eq!(store.take_calls().writes, 2, "not overtaken");
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    assert_eq!((sim.began("a").len(), sim.began("b").len()), (1, 1));
}

#[test]
fn what_took_too_long_is_not_acknowledged() {
    let sim = Sim::new(3);
    sim.world
        .faults
        .script(move |call| match (call.operation, call.key) {
            ("set", key) if key == keys::slot(1) => Action::Stall(When::After, 31_000),
            _ => Action::Pass,
        });
    let enqueued =
        sim.spawn(
            |_, queue| async move { queue.enqueue(vec![task("a", json!({}))]).await.map(|_| ()) },
        );
    sim.run_for(40_000);
    assert_eq!(
        enqueued.take(),
        Some(Err(handoff_queue::QueueError::TooLate))
    );
}
