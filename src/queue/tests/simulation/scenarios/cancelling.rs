//! Tasks that are cancelled, in each state.

use super::{Left, MINUTE_MS, Scenario, pairs, race, scenario};
use crate::stage::is_of_a_task;
use crate::support::{Action, When, parts};
use handoff_queue::RETENTION_MIN_MS;
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("cancelled while it waits", |s| {
        s.enqueues(&[json!({}), json!({}), json!({})]);
        s.sim.settle();
        s.cancels();
    }),
    scenario("cancelled while it retries", |s| {
        s.enqueues(&[json!({"fail_times": 1, "after_ms": 3_000})]);
        s.run_for(1_000);
        s.cancels();
    }),
    scenario(
        "cancelled when its worker may have died while it put a far retry into the timer",
        |s| {
            s.places_until_outcome();
            s.plays(&[json!({"fail_times": 1, "after_ms": 58 * MINUTE_MS})], 100);
            s.faults_off();
            s.cancels();
            s.sees_all_final();
            // Otherwise it ends when the retry is due: in another hour, before its retention is
            // over.
            s.goes_on(57 * MINUTE_MS + 30_000);
        },
    )
    .leaves(Left::NothingAfterDays),
    scenario(
        "cancelled between two parts, of which nobody announced the second",
        |s| {
            s.faults_off();
            s.script(|call, _| {
                let ends = parts(call.key).0 == "o" && call.by_worker();
                match ends {
                    true => Action::Kill(When::After),
                    false => Action::Pass,
                }
            });
            s.plays(&[json!({"continues": 1})], 100);
            s.script(|_, _| Action::Pass);
            s.faults_on();
            s.cancels();
            s.goes_on(30_000);
        },
    ),
    scenario("cancelled while it is deleted", |s| {
        s.faults_off();
        s.delays(json!({}), 1_000);
        s.sees_all_final();
        let deletes = Rc::new(Cell::new(false));
        let seen = deletes.clone();
        s.script(move |call, points| {
            if call.operation == "delete_many" && is_of_a_task(call.key) {
                points.open.set(true);
                seen.set(true);
            }
            Action::Pass
        });
        let ms = RETENTION_MIN_MS + 20 * MINUTE_MS;
        for _ in 0..ms / 5_000 {
            if s.sim.run_until(5_000, || deletes.get()) {
                break;
            }
            s.sim.tick();
        }
        s.cancels();
    }),
    race("cancelled while it is taken", |s| {
        s.enqueues(&[json!({})]);
        s.sim.run_until(1_000, || !s.load.asked().is_empty());
        s.cancels();
    }),
    race("cancelled while it ends", |s| {
        s.faults_off();
        s.plays(&[json!({"sleep_ms": 500})], 495);
        s.faults_on();
        s.cancels();
    }),
    race("cancelled while it goes on in another instance", |s| {
        s.faults_off();
        s.plays(&[json!({"continues": 1, "sleep_ms": 300})], 295);
        s.faults_on();
        s.cancels();
    }),
];
