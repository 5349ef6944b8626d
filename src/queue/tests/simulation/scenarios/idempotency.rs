//! Requests with an idempotency key.

use super::{MINUTE_MS, Scenario, pairs, race, scenario};
use handoff_queue::{RETENTION_MIN_MS, TaskSpec};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("two clients with one key", |s| {
        s.keyed(60 * MINUTE_MS, 2);
        s.run_for(3_000);
    }),
    race("three clients at once with one key", |s| {
        s.keyed(150 * MINUTE_MS, 3);
        s.run_for(3_000);
    }),
    scenario("a delayed task's key is used again", |s| {
        let asks = || {
            let task = TaskSpec {
                not_before_ms: Some(s.now_ms() + 2_500),
                ..s.task(json!({}))
            };
            s.load.enqueue_once(&s.sim, "a", MINUTE_MS, 0, task);
        };
        asks();
        s.run_for(1_000);
        asks();
        s.run_for(5_000);
    }),
    scenario("a key is used again over its period's end", |s| {
        s.run_to_end_of(MINUTE_MS, 600);
        s.keyed(MINUTE_MS, 1);
        s.run_for(1_000);
        s.keyed(MINUTE_MS, 1);
        s.run_for(3_000);
    }),
    scenario("a key is used again after its task's retention", |s| {
        s.faults_off();
        s.keyed(150 * MINUTE_MS, 1);
        s.sees_all_final();
        s.run_with_ticks(2 * RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
        s.faults_on();
        s.keyed(150 * MINUTE_MS, 1);
        s.run_for(5_000);
    }),
    scenario("a key whose winner died is used again after hours", |s| {
        s.dies_with_a_key();
        s.run_with_ticks(2 * RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
        s.faults_on();
        s.keyed(150 * MINUTE_MS, 2);
        s.run_with_ticks(MINUTE_MS, 5_000);
    }),
];
