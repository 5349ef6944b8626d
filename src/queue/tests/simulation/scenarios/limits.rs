//! Limits of the queue and of a key.

use super::{Left, MINUTE_MS, Scenario, pairs, scenario};
use handoff_queue::WINDOW_MS;
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("tasks that run one at a time", |s| {
        s.limited(Some(1), None);
        s.plays(&[json!({"sleep_ms": 100}), json!({"sleep_ms": 100})], 20);
        s.plays(&[json!({})], 3_000);
    }),
    scenario("one at a time from one window to the next", |s| {
        s.limited(Some(1), None);
        s.run_to_end_of(WINDOW_MS, 300);
        s.enqueues(&[json!({"sleep_ms": 600})]);
        s.run_for(100);
        s.plays(&[json!({})], 3_000);
    }),
    pairs("tasks that begin one in a second", |s| {
        s.limited(None, Some((1, 1)));
        s.plays(&[json!({}), json!({}), json!({})], 4_000);
    }),
    scenario("tasks that begin one in a minute", |s| {
        s.limited(None, Some((1, 60)));
        s.plays(&[json!({}), json!({})], 200);
        // Long after rescue has passed the first of them.
        s.faults_off();
        s.run_to_end_of(MINUTE_MS, 500);
        s.faults_on();
        s.run_for(2_000);
    }),
    pairs("tasks of a key", |s| {
        s.of_one_key(&[json!({"sleep_ms": 100}), json!({}), json!({})]);
        s.run_for(3_000);
    })
    .leaves(Left::NothingAfterDays),
    scenario("tasks of a key in parts, and retried", |s| {
        let retried = json!({"fail_times": 1, "after_ms": 300, "sleep_ms": 100});
        s.of_one_key(&[json!({"continues": 1, "sleep_ms": 100}), retried]);
        s.run_for(5_000);
    }),
    scenario("a task of a key, and its neighbours' worker is lost", |s| {
        s.faults_off();
        s.of_one_key(&[json!({"sleep_ms": 2_000}), json!({}), json!({})]);
        s.run_for(500);
        s.lose_workers();
        s.faults_on();
        s.run_with_ticks(80_000, 5_000);
    }),
    scenario("cancelled while it waits for its key", |s| {
        s.faults_off();
        s.of_one_key(&[json!({"sleep_ms": 1_000}), json!({}), json!({})]);
        s.run_for(200);
        s.faults_on();
        let asked = s.load.asked();
        s.cancel(&asked[1]);
        s.run_for(4_000);
    }),
    scenario("a task is parked while its turn comes", |s| {
        s.faults_off();
        s.of_one_key(&[json!({"sleep_ms": 600, "computes": true})]);
        s.run_for(100);
        // Another worker takes this one, and finds its key in use.
        s.faults_on();
        s.of_one_key(&[json!({})]);
        s.run_for(2_000);
    }),
];
