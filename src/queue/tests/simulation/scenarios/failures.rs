//! Retries, failed tasks, and the failed list.

use super::{Scenario, pairs, scenario};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("a retry", |s| {
        s.plays(&[json!({"fail_times": 1, "after_ms": 600})], 5_000)
    }),
    scenario("a retry at once", |s| {
        s.plays(&[json!({"fail_times": 2, "after_ms": 0})], 5_000)
    }),
    pairs("a task that fails", |s| {
        s.plays(&[json!({"fatal": "no use"})], 3_000)
    }),
    scenario("tasks that fail in their last attempt", |s| {
        s.plays(&[json!({"fail_times": 3, "after_ms": 0}), json!({})], 5_000)
    }),
    scenario(
        "a failed task is retried by two and discarded by one",
        |s| {
            let failed = s.fails(json!({"fatal": "no use"}));
            s.retry(&failed);
            s.retry(&failed);
            s.discard(&failed);
            s.run_for(3_000);
        },
    ),
    scenario("all failed tasks are retried, twice at once", |s| {
        s.fails(json!({"fail_times": 3, "after_ms": 0}));
        s.fails(json!({"fatal": "no use"}));
        s.retry_all();
        s.retry_all();
        s.run_for(5_000);
    }),
];
