//! Tasks whose end another task follows.

use super::{MINUTE_MS, Scenario, pairs, scenario};
use crate::load::follow_up;
use handoff_queue::{TaskSpec, WINDOW_MS};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("a task whose end another follows", |s| {
        let task = TaskSpec {
            on_end: Some(follow_up("it")),
            ..s.task(json!({"fail_times": 1, "after_ms": 600}))
        };
        s.enqueue_tasks(vec![task]);
        s.run_for(5_000);
    }),
    scenario(
        "a task is cancelled in a paused queue, and another follows its end",
        |s| {
            s.pauses();
            s.enqueues_followed(json!({}), 20);
            s.run_for(100);
            s.cancels();
            s.comes_to_be("what follows it waits while the queue is paused", |s| {
                s.all_followed()
            });
            s.resumes();
        },
    ),
    scenario("a follow-up runs while one task may", |s| {
        s.limited(Some(1), Some((2, 60)));
        s.enqueues_followed(json!({}), 4_000);
        s.run_for(1_000);
        s.enqueues(&[json!({})]);
        s.run_for(1_000);
        s.is_so_far("a task waits for a follow-up", |s| {
            let begun = s.sim.world.began.borrow();
            begun.iter().filter(|began| !began.follows).count() == 2
        });
    }),
    scenario("a follow-up while every worker computes", |s| {
        s.worker_limits(|limits| limits.workers_max = 1);
        s.faults_off();
        let long = TaskSpec {
            kind: "compute".to_owned(),
            timeout_ms: 12_000,
            ..s.task(json!({"sleep_ms": 4_000}))
        };
        let delayed = TaskSpec {
            not_before_ms: Some(s.now_ms() + MINUTE_MS),
            on_end: Some(follow_up("it")),
            ..s.task(json!({}))
        };
        // All in one window.
        s.run_to_end_of(WINDOW_MS, 0);
        s.enqueue_tasks(vec![long, delayed]);
        s.run_for(300);
        s.faults_on();
        if let Some(delayed) = s.load.asked().get(1) {
            s.cancel(delayed);
        }
        s.run_for(2_000);
        s.is_so_far("what follows it waits for who computes", |s| {
            s.all_followed()
        });
        s.run_for(4_000);
    }),
];
