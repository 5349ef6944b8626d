//! Counts that several keepers publish.

use super::{Scenario, scenario};
use crate::support::{Action, When, parts};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[scenario("a keeper that stores older totals", |s| {
    s.faults_off();
    // The first one stalls when it knows the totals, until others have stored newer ones.
    let mut stalled = false;
    s.script(move |call, _| {
        let first = !stalled && call.operation == "get_many" && parts(call.key).0 == "u";
        stalled |= first;
        match first {
            true => Action::Stall(When::Before, 30_000),
            false => Action::Pass,
        }
    });
    s.enqueues(&[json!({})]);
    s.run_with_ticks(16_000, 5_000);
    s.enqueues(&[json!({})]);
    for _ in 0..10 {
        s.run_with_ticks(5_000, 5_000);
        s.sees_counters();
    }
})];
