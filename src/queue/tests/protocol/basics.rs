//! From enqueueing to the result.

use crate::support::{Sim, task};
use handoff_queue::{State, TaskId, TaskStatus};
use serde_json::json;

#[test]
fn a_task_runs_and_its_result_is_read() {
    let sim = Sim::new(1);
    let id = sim.enqueue_one(task("a", json!({"then": "Task Done."})));
    let took_ms = sim.until_state(&id, State::Succeeded, 2_000);
    assert!(took_ms <= 100, "{took_ms}");
    let view = sim.view(&id).unwrap();
    assert_eq!(view.result, Some(json!("Task Done.").into()));
    assert_eq!((view.attempt, view.errors.len()), (1, 0));
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn a_batch_of_a_hundred_runs_once_each() {
    let sim = Sim::new(2);
    let tasks = (0..100).map(|i| task(&format!("t{i}"), json!({"then": i, "sleep_ms": 10})));
    let ids = sim.enqueue(tasks.collect());
    sim.run_for(1_000);
    for (i, id) in ids.iter().enumerate() {
        assert_eq!(sim.view(id).unwrap().result, Some(json!(i).into()));
        assert_eq!(sim.began(&format!("t{i}")).len(), 1);
    }
}

#[test]
fn an_id_that_was_not_given_out_is_unknown() {
    let sim = Sim::new(3);
    let id = sim.enqueue_one(task("a", json!({})));
    sim.until_state(&id, State::Succeeded, 2_000);
    // The same slot, before and after it is final, with another nonce.
    let guessed: TaskId = "test-1-0123456789abcdef01234567".parse().unwrap();
    let beyond: TaskId = "test-2-0123456789abcdef01234567".parse().unwrap();
    for id in [guessed, beyond] {
        assert_eq!(sim.status(&id), TaskStatus::Unknown);
        assert!(sim.view(&id).is_none());
    }
}

#[test]
fn a_task_that_fails_for_good_is_not_tried_again() {
    let sim = Sim::new(4);
    let id = sim.enqueue_one(task("a", json!({"fatal": "no such user"})));
    sim.until_state(&id, State::Failed, 2_000);
    sim.run_for(60_000);
    let view = sim.view(&id).unwrap();
    assert_eq!(view.errors[0].error, "no such user");
    assert_eq!((view.state, sim.began("a").len()), (State::Failed, 1));
}

#[test]
fn progress_is_seen_while_a_task_runs() {
    let sim = Sim::new(5);
    let id = sim.enqueue_one(task("a", json!({"progress": "half", "sleep_ms": 5_000})));
    sim.run_for(2_000);
    let view = sim.view(&id).unwrap();
    assert_eq!(
        (view.state, view.report.progress),
        (State::Running, Some(json!("half").into()))
    );
}
