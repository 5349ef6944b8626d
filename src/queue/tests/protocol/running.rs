//! Running tasks: beside each other, alone, in parts, and when one panics.

use crate::support::{self, Sim, computing, keys, task};
use handoff_queue::{BEGIN_MS, Json, State, TaskSpec, WorkerLimits};
use serde_json::json;

#[test]
fn a_task_goes_on_from_its_checkpoint_three_hundred_times() {
    let sim = Sim::new(1);
    let id = sim.enqueue_one(task("a", json!({"continues": 300, "sleep_ms": 200})));
    sim.run_for(120_000);
    let view = sim.view(&id).unwrap();
    assert_eq!(
        (view.state, view.result),
        (State::Succeeded, Some(json!(300).into()))
    );
    assert_eq!((view.attempt, view.errors.len()), (1, 0));
    let parts: Vec<_> = sim
        .began("a")
        .iter()
        .map(|b| b.checkpoint.clone())
        .collect();
    let expected = [None]
        .into_iter()
        .chain((1..=300).map(|i| Some(json!(i).into())));
    assert_eq!(parts, expected.collect::<Vec<Option<Json>>>());
    sim.world.store.take_calls();
    sim.status(&id);
    let brief = sim.world.store.take_calls();
    sim.view(&id);
    let view = sim.world.store.take_calls();
    println!("after 300 continuations: brief {brief:?}, view {view:?}");
    assert!(brief.reads <= 2 && view.reads <= 3);
}

#[test]
fn the_status_of_a_task_that_continued_often_takes_few_reads_while_it_runs() {
    let sim = Sim::new(2);
    let id = sim.enqueue_one(task("a", json!({"continues": 300, "sleep_ms": 200})));
    sim.run_for(55_000);
    assert!(sim.began("a").len() > 200);
    sim.world.store.take_calls();
    sim.run_until(1, || true);
    let others = sim.world.store.take_calls();
    sim.view(&id);
    let view = sim.world.store.take_calls();
    println!("in the middle of 300 continuations: view {view:?} (others {others:?})");
    assert!(view.reads <= 25, "{view:?}");
}

#[test]
fn long_tasks_run_beside_each_other_and_beside_short_ones() {
    let sim = Sim::new(3);
    let start_ms = sim.now_ms();
    let long = (0..50).map(|i| task(&format!("long{i}"), json!({"sleep_ms": 10_000})));
    sim.enqueue(long.collect());
    sim.run_for(1_000);
    let short = sim.enqueue_one(task("short", json!({})));
    sim.until_state(&short, State::Succeeded, 200);
    sim.run_for(10_500);
    for i in 0..50 {
        let began = sim.began(&format!("long{i}"));
        assert_eq!(began.len(), 1);
        assert!(began[0].at_ms - start_ms <= 500);
    }
}

#[test]
fn a_computing_task_holds_nobody_up() {
    let sim = Sim::new(4);
    let start_ms = sim.now_ms();
    // It comes in the middle, so that a worker holds it together with others.
    let tasks = (0..40).map(|i| match i {
        9 => computing("c", json!({"sleep_ms": 12_000})),
        _ => task(&format!("t{i}"), json!({"sleep_ms": 50})),
    });
    sim.enqueue(tasks.collect());
    sim.run_for(13_500);
    for i in (0..40).filter(|&i| i != 9) {
        let began = sim.began(&format!("t{i}"));
        assert_eq!(began.len(), 1);
        assert!(began[0].at_ms - start_ms <= BEGIN_MS, "t{i}");
    }
    let began = sim.began("c");
    assert_eq!(began.len(), 1);
    assert!(began[0].at_ms - start_ms <= BEGIN_MS);
}

#[test]
fn computing_tasks_spread_over_instances() {
    let sim = Sim::new(5);
    let start_ms = sim.now_ms();
    let tasks = (0..6).map(|i| computing(&format!("c{i}"), json!({"sleep_ms": 10_000})));
    sim.enqueue(tasks.collect());
    sim.run_for(12_500);
    let mut workers: Vec<_> = (0..6)
        .map(|i| {
            let began = sim.began(&format!("c{i}"));
            assert_eq!(began.len(), 1, "c{i}");
            assert!(
                began[0].at_ms - start_ms <= BEGIN_MS,
                "c{i} began after {}",
                began[0].at_ms - start_ms
            );
            began[0].instance.name.clone()
        })
        .collect();
    workers.sort();
    workers.dedup();
    assert_eq!(workers.len(), 6);
}

#[test]
fn computing_tasks_taken_in_one_batch_do_not_wait_for_each_other() {
    let sim = Sim::new(9);
    let start_ms = sim.now_ms();
    // The worker takes 1, 2 and then 4 at once: those four compute.
    let tasks = (0..7).map(|i| match i {
        0..3 => task(&format!("t{i}"), json!({})),
        _ => computing(&format!("t{i}"), json!({"sleep_ms": 10_000})),
    });
    sim.enqueue(tasks.collect());
    sim.run_for(12_500);
    for i in 0..7 {
        let began = sim.began(&format!("t{i}"));
        assert_eq!(began.len(), 1, "t{i}");
        assert!(began[0].at_ms - start_ms <= BEGIN_MS, "t{i}");
    }
}

#[test]
fn a_panic_is_a_failed_attempt_and_neighbours_go_on_elsewhere() {
    let sim = Sim::new(6);
    let neighbours = sim.enqueue(
        (0..5)
            .map(|i| task(&format!("n{i}"), json!({"sleep_ms": 4_000, "then": i})))
            .collect(),
    );
    sim.run_for(100);
    let bad = sim.enqueue_one(task(
        "bad",
        json!({"panic_times": 1, "sleep_ms": 1_000, "then": "ok"}),
    ));
    sim.run_for(12_000);
    let view = sim.view(&bad).unwrap();
    assert_eq!((view.state, view.attempt), (State::Succeeded, 2));
    assert_eq!(view.errors[0].error, "panicked: as told");
    for (i, id) in neighbours.iter().enumerate() {
        let view = sim.view(id).unwrap();
        // Through no fault of theirs: no attempt is used up.
        assert_eq!((view.state, view.attempt), (State::Succeeded, 1), "n{i}");
        assert!(view.errors.is_empty());
        assert_eq!(sim.began(&format!("n{i}")).len(), 2);
    }
}

#[test]
fn a_neighbour_that_has_ended_keeps_its_outcome_when_another_panics() {
    // The neighbour's outcome (epoch 1: it is delayed) is on its way when the panic comes.
    let sim = Sim::new(7);
    let looks = keys::claim(1, 2);
    sim.world.faults.script(move |call| {
        if call.is("counter", &looks) {
            support::Action::Slow(500)
        } else {
            support::Action::Pass
        }
    });
    let due = Some(sim.now_ms() + 1);
    let ids = sim.enqueue(vec![
        TaskSpec {
            not_before_ms: due,
            ..task("good", json!({"sleep_ms": 900}))
        },
        TaskSpec {
            not_before_ms: due,
            ..task("bad", json!({"sleep_ms": 1_100, "panic_times": 1}))
        },
    ]);
    sim.run_for(20_000);
    assert_eq!(sim.state(&ids[0]), State::Succeeded);
    assert_eq!(sim.state(&ids[1]), State::Succeeded);
    assert_eq!(sim.began("good").len(), 1, "it had ended");
    assert_eq!(sim.world.ledger.violation(), None);
}

#[test]
fn a_worker_hands_over_when_its_budget_ends() {
    let sim = Sim::new(8);
    sim.world.limits.set(WorkerLimits {
        budget_ms: 2_000,
        batch_max: 1,
        in_progress_max: 1,
        ..WorkerLimits::default()
    });
    let ids = sim.enqueue(
        (0..30)
            .map(|i| task(&format!("t{i}"), json!({"sleep_ms": 400})))
            .collect(),
    );
    // No request and no tick any more.
    sim.run_for(16_000);
    let workers: std::collections::BTreeSet<_> = sim
        .world
        .began
        .borrow()
        .iter()
        .map(|b| b.instance.name.clone())
        .collect();
    for id in &ids {
        assert_eq!(sim.state(id), State::Succeeded);
    }
    assert!(workers.len() >= 5, "{workers:?}");
    assert_eq!(sim.world.began.borrow().len(), 30);
}
