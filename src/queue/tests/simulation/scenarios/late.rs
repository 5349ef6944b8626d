//! Calls that fail and take effect later, and what is lost from the store.

use super::{Scenario, scenario};
use crate::stage::is_of_a_task;
use crate::support::{Action, When, keys, parts};
use futures::FutureExt;
use handoff_queue::Store;
use serde_json::json;

const MINUTE_MS: u64 = 60_000;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("a claim that comes when the run has ended", |s| {
        s.faults_off();
        let (mut stalls, mut claims) = (true, true);
        s.script(move |call, _| match parts(call.key).0 {
            // Others take the run for lost, and its outcome comes all the same.
            "o" if call.is("set", call.key) && std::mem::take(&mut stalls) => {
                Action::Stall(When::Before, 15_000)
            }
            "c" if call.is("increment", call.key) && std::mem::take(&mut claims) => {
                Action::Late(MINUTE_MS)
            }
            _ => Action::Pass,
        });
        s.enqueues(&[json!({})]);
        s.run_with_ticks(2 * MINUTE_MS, 1_000);
    }),
    scenario("a retry whose timer entry is lost", |s| {
        s.faults_off();
        s.plays(
            &[json!({"fail_times": 2, "after_ms": MINUTE_MS})],
            MINUTE_MS + 8_000,
        );
        let store = &s.sim.world.store;
        let mut entries = store.keys();
        entries.retain(|key| key.starts_with(keys::DUE_ENTRIES));
        let deleted = store.delete_many(&entries).now_or_never();
        assert!(entries.len() == 1 && matches!(deleted, Some(Ok(()))));
        s.run_with_ticks(90 * MINUTE_MS, 10 * MINUTE_MS);
    }),
    scenario("a heartbeat that comes when the run has ended", |s| {
        s.faults_off();
        let mut beats = true;
        s.script(move |call, points| {
            if parts(call.key).0 == "o" && std::mem::take(&mut beats) {
                return Action::Late(5_000);
            }
            // The places are the calls by which the run ends.
            let ends = is_of_a_task(call.key) || call.is("increment", keys::TAIL);
            points.open.set(!beats && call.by_worker() && ends);
            Action::Pass
        });
        s.enqueues(&[json!({"sleep_ms": 1_500})]);
        s.run_for(3_000);
        s.goes_on(MINUTE_MS);
    }),
];
