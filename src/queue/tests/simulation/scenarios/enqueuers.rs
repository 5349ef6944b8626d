//! Enqueuers that stall or die, and workers that leave meanwhile.

use super::{Left, MINUTE_MS, Scenario, pairs, race, scenario};
use handoff_queue::{Priority, WINDOW_MS};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    pairs("the last worker leaves while one enqueues", |s| {
        s.enqueues(&[json!({})]);
        s.run_for(12);
        s.plays(&[json!({})], 3_000);
    }),
    scenario(
        "the last worker leaves while one enqueues, and nobody keeps the queue",
        |s| {
            // A keeper found nothing to do in this window, and is gone.
            s.faults_off();
            s.run_to_end_of(WINDOW_MS, 0);
            s.sim.tick();
            s.run_for(500);
            s.faults_on();
            s.enqueues(&[json!({})]);
            s.run_for(12);
            s.plays(&[json!({})], 1_000);
        },
    ),
    race("tasks for a worker that is there", |s| {
        s.faults_off();
        s.plays(&[json!({"sleep_ms": 1_500})], 100);
        s.faults_on();
        s.enqueues(&[json!({})]);
        s.plays_with(Priority::High, json!({}), 3_000);
    }),
    race("a task that waited for long when it was taken", |s| {
        s.faults_off();
        // A keeper stays for this one.
        s.delays(json!({}), 25_000);
        s.run_for(12_000);
        s.faults_on();
        s.run_for(2_000);
        s.faults_off();
        // No worker is woken for this one.
        s.sim.world.faults.wake_fails.set(1_000);
        s.plays(&[json!({"sleep_ms": 2_500})], 9_000);
        s.sim.world.faults.wake_fails.set(0);
        s.run_with_ticks(6_000, 1_000);
    }),
    pairs("an enqueuer that claimers overtake", |s| {
        s.stalls_in_enqueueing(1_500);
        s.run_for(5_000);
    }),
    scenario("an enqueuer that is overtaken by claimers that die", |s| {
        s.stalls_in_enqueueing(27_000);
        s.run_for(500);
        s.lose_workers();
        s.run_with_ticks(40_000, 5_000);
    }),
    scenario("an enqueuer that comes back after hours", |s| {
        s.stalls_in_enqueueing(3 * 60 * MINUTE_MS);
        s.faults_off();
        s.sees_all_final();
        s.run_with_ticks(3 * 60 * MINUTE_MS + 1_000, 5 * MINUTE_MS);
        s.faults_on();
        s.run_for(5_000);
    })
    .leaves(Left::Perhaps),
    scenario("an enqueuer that comes back just in time", |s| {
        s.faults_off();
        s.stalls_before_its_slot(29_000, Priority::Normal);
        s.sim.settle();
        s.goes_on(28_900);
        s.faults_on();
        s.run_for(200);
        s.goes_on(10_000);
    }),
    scenario(
        "a slot that is given hours after claimers raced for it",
        |s| {
            s.faults_off();
            s.enqueues(&[json!({})]);
            s.sees_all_final();
            s.takes_a_ticket_too_many();
            s.run_with_ticks(3 * 60 * MINUTE_MS, 5 * MINUTE_MS);
            s.faults_on();
            s.plays(&[json!({})], 3_000);
        },
    ),
];
