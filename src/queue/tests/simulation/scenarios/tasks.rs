//! Tasks: alone, in batches, in parts, large, and until they are deleted.

use super::{MINUTE_MS, Scenario, pairs, scenario};
use handoff_queue::RETENTION_MIN_MS;
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("a task", |s| s.plays(&[json!({})], 3_000)),
    scenario("a batch", |s| {
        s.plays(&[json!({}), json!({"sleep_ms": 100}), json!({})], 3_000)
    }),
    scenario("a job in parts", |s| {
        s.plays(&[json!({"continues": 3})], 3_000)
    }),
    scenario("a job in parts with pauses between them", |s| {
        s.plays(&[json!({"continues": 2, "pauses_ms": 700})], 3_000)
    }),
    scenario("tasks with large arguments behind small ones", |s| {
        // All wait when the first worker comes. The small ones teach it to take many at once.
        s.faults_off();
        s.pauses();
        let large = || json!({"pad": "x".repeat(200_000), "sleep_ms": 300});
        let small = (0..7).map(|_| json!({}));
        let all: Vec<_> = small.chain((0..6).map(|_| large())).collect();
        s.enqueues(&all);
        s.run_for(100);
        s.faults_on();
        s.resumes();
        s.run_for(400);
        s.goes_on(5_000);
    }),
    scenario("deleted after its retention", |s| {
        s.faults_off();
        s.enqueues(&[json!({}), json!({"continues": 2}), json!({"fail_times": 1})]);
        s.sees_all_final();
        s.run_with_ticks(RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
        s.faults_on();
        s.run_with_ticks(15 * MINUTE_MS, 5 * MINUTE_MS);
    }),
];
