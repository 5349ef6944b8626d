//! The timer: delays, snoozes, expiry, and midnight.

use super::{DAY_MS, Scenario, pairs, race, scenario};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("a delay", |s| {
        s.delays(json!({}), 1_200);
        s.run_for(4_200);
    }),
    scenario("a delay over midnight", |s| {
        s.run_to_end_of(DAY_MS, 2_500);
        s.delays(json!({}), 3_000);
        s.run_for(6_000);
    }),
    scenario("a task that is always put off", |s| {
        let mut task = s.task(json!({"puts_off_ms": 1_000}));
        (task.retry.attempts, task.retry.max_ms) = (1, 100);
        s.enqueue_tasks(vec![task]);
        s.run_for(200);
        s.goes_on(30_000);
    }),
    race("a retry that the timer passes at midnight", |s| {
        s.run_to_end_of(DAY_MS, 3_500);
        s.places_until_outcome();
        s.plays(&[json!({"fail_times": 1, "after_ms": 1_000})], 100);
        s.goes_on(12_000);
    }),
    pairs("expired before it is taken", |s| s.expires(0, 3_000)),
    scenario("a delay that expires", |s| s.expires(1_200, 5_000)),
];
