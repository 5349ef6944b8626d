//! A host on which a worker lives only while a tick holds it: nobody else wakes one.

use super::{MINUTE_MS, Scenario, scenario};
use serde_json::json;

/// The time between two ticks.
const TICK_MS: u64 = MINUTE_MS / 2;

pub(super) const SCENARIOS: &[Scenario] = &[scenario("only ticks wake workers", |s| {
    s.worker_limits(|limits| {
        limits.budget_ms = 10_000;
        limits.wakes_others = false;
    });
    s.only_ticks_wake(true);
    s.enqueues(&[json!({"sleep_ms": 300}), json!({"fail_times": 1})]);
    s.delays(json!({}), 40_000);
    s.run_for(1_000);
    s.tick_wakes();
    s.run_for(3_000);
    s.faults_off();
    // One tick more than rescue needs to find a run that was lost.
    for _ in 0..6 {
        s.run_for(TICK_MS);
        s.tick_wakes();
    }
    s.sees_all_final_by_now();
    s.only_ticks_wake(false);
})];
