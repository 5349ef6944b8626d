//! Tasks with a priority.

use super::{Scenario, pairs, scenario};
use handoff_queue::Priority;
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("the first task with a priority", |s| {
        s.plays_with(Priority::High, json!({}), 3_000)
    }),
    scenario("two who are the first to give a task a priority", |s| {
        s.enqueues_with(Priority::High, json!({}));
        s.plays_with(Priority::Low, json!({}), 3_000);
    }),
    scenario(
        "a task with a priority, and its retry, while the last worker leaves",
        |s| {
            s.enqueues(&[json!({})]);
            s.run_for(12);
            let args = json!({"fail_times": 1, "after_ms": 600});
            s.plays_with(Priority::Low, args, 5_000);
        },
    ),
    scenario("an enqueuer of a priority that claimers overtake", |s| {
        s.faults_off();
        s.plays_with(Priority::High, json!({"sleep_ms": 2_500}), 100);
        s.stalls_before_its_slot(1_500, Priority::High);
        s.run_for(5_000);
    }),
];
