//! Schedules.

use super::{MINUTE_MS, Scenario, race, scenario};
use crate::schedules::schedule;
use crate::support::{Action, When, parts};
use handoff_queue::{Missed, Schedule};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("a schedule", |s| {
        s.put_schedule(schedule("a", 2_000, json!({})));
        s.run_for(4_500);
    }),
    scenario("a schedule is deleted", |s| {
        s.faults_off();
        s.put_schedule(schedule("a", 2_000, json!({})));
        s.run_for(40_900);
        s.faults_on();
        s.delete_schedule("a");
        s.run_for(3_000);
    }),
    scenario("two schedules at once, and one of them again", |s| {
        for name in ["a", "b"] {
            s.put_schedule(schedule(name, 2_000, json!({})));
        }
        s.run_for(2_900);
        s.put_schedule(schedule("b", 1_000, json!({})));
        s.run_for(2_500);
    }),
    scenario("a schedule's deletion while another is put", |s| {
        s.faults_off();
        let put = |name| s.put_schedule(schedule(name, 2_000, json!({})));
        put("a");
        s.run_for(40_900);
        // Both have taken their numbers when the first one writes its table, and the other does
        // not know of it.
        let mut stalls = vec![4_000, 500];
        s.script(move |call, _| {
            let writes = call.operation == "set" && parts(call.key).0 == "y";
            let ms = stalls.pop_if(|_| writes && call.by_client());
            ms.map_or(Action::Pass, |ms| Action::Stall(When::Before, ms))
        });
        s.faults_on();
        s.delete_schedule("a");
        put("b");
        s.run_with_ticks(6_000, 500);
    }),
    scenario("a schedule is paused and resumed", |s| {
        s.faults_off();
        s.put_schedule(schedule("a", 2_000, json!({})));
        s.run_for(40_900);
        s.faults_on();
        s.pause_schedule("a", true);
        s.run_with_ticks(8_000, 500);
        s.pause_schedule("a", false);
        s.run_with_ticks(4_500, 500);
    }),
    scenario("a schedule is paused while it is put", |s| {
        s.faults_off();
        s.put_schedule(schedule("a", 2_000, json!({})));
        s.run_for(40_900);
        // The putter has read that it is not paused when it is paused.
        let mut stalls = vec![4_000];
        s.script(move |call, _| {
            let writes = call.operation == "set" && parts(call.key).0 == "y";
            let ms = stalls.pop_if(|_| writes && call.by_client());
            ms.map_or(Action::Pass, |ms| Action::Stall(When::Before, ms))
        });
        s.faults_on();
        s.put_schedule(schedule("a", 1_000, json!({})));
        s.run_for(500);
        s.pause_schedule("a", true);
        s.run_with_ticks(6_000, 500);
    }),
    scenario("a schedule that two keep", |s| {
        s.faults_off();
        s.put_schedule(schedule("a", 2_000, json!({})));
        s.run_for(1_000);
        s.faults_on();
        // Each that stalls is joined by another.
        s.run_with_ticks(6_000, 500);
    }),
    scenario("a schedule that nobody kept for a while", |s| {
        s.faults_off();
        s.put_schedule(Schedule {
            missed: Missed::All,
            ..schedule("a", 10_000, json!({}))
        });
        s.run_for(11_000);
        s.lose_workers();
        s.run_for(3 * MINUTE_MS);
        s.faults_on();
        s.run_with_ticks(10_000, 5_000);
    }),
    race("a schedule is put while others come and go", |s| {
        s.put_schedule(schedule("a", 1_000, json!({})));
        s.put_schedule(schedule("b", 1_000, json!({})));
        s.delete_schedule("c");
        s.run_for(2_500);
    }),
];
