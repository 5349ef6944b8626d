//! Owners of a run that die, or that others take for lost.

use super::{DAY_MS, Left, Scenario, pairs, race, scenario};
use crate::stage::Stage;
use crate::support::{Action, keys};
use handoff_queue::{CLOCK_SLACK_MS, TaskSpec};
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("a keeper that saw tickets which the store lost", |s| {
        s.faults_off();
        s.enqueues(&[json!({}), json!({}), json!({}), json!({})]);
        s.sees_all_final();
        s.loses_all_but(keys::KEEPER);
        s.faults_on();
        s.plays(&[json!({"sleep_ms": 300})], 3_000);
    }),
    scenario("an owner whose task the store lost", |s| {
        s.faults_off();
        s.enqueues(&[json!({})]);
        s.sees_all_final();
        s.loses_all_but(&keys::run(1, 0));
        s.delays(json!({}), 2_000);
        s.faults_on();
        s.run_for(4_000);
    })
    .leaves(Left::Perhaps),
    pairs("a lost worker", |s| {
        s.faults_off();
        s.enqueues(&[json!({"sleep_ms": 2_000})]);
        s.run_for(500);
        s.lose_workers();
        s.faults_on();
        s.run_with_ticks(30_000, 5_000);
    }),
    scenario("a lost worker that was retrying", |s| {
        s.faults_off();
        s.enqueues(&[json!({"fail_times": 1, "after_ms": 3_000, "sleep_ms": 1_200})]);
        s.run_for(2_000);
        s.lose_workers();
        s.faults_on();
        s.run_with_ticks(30_000, 5_000);
    }),
    race("an owner that others take for lost", |s| {
        s.plays(&[json!({})], 100);
        s.goes_on(22_000);
    }),
    race("a second owner that others take for lost", |s| {
        s.faults_off();
        s.plays(
            &[json!({"fail_times": 1, "after_ms": 300, "sleep_ms": 1_000})],
            1_700,
        );
        // Its second attempt is due.
        s.faults_on();
        s.run_for(200);
        s.goes_on(22_000);
    }),
    scenario("a worker that dies beside a keeper", |s| {
        s.faults_off();
        // One worker stays as keeper for the time of this task. Another one is woken for the
        // long task.
        s.delays(json!({}), 6_000);
        s.run_for(3_000);
        runs_long(s);
        s.run_for(17_000);
        let running = s.load.asked().pop().map(|long| s.sim.began(&long.name));
        let worker = running.unwrap_or_default().remove(0).instance;
        worker.hit(s.now_ms());
        // No client makes a request from here on.
        worker.kill();
        s.run_for(60_000);
    }),
    scenario(
        "a run of its whole timeout, and clocks that are ahead",
        |s| {
            let long = TaskSpec {
                timeout_ms: 12_000,
                ..s.task(json!({"sleep_ms": 11_900}))
            };
            s.enqueue_tasks(vec![long]);
            s.run_for(20);
            s.faults_off();
            // Its worker's clock is right, and its last write is slow. Each later worker has a
            // clock of its own.
            s.sim.world.faults.skew_ms.set(CLOCK_SLACK_MS - 1);
            let ends_ms = s.now_ms() + 11_000;
            s.script(move |call, _| {
                let last = call.now_ms > ends_ms && call.operation == "set";
                match last && call.by_worker() {
                    true => Action::Slow(1_900),
                    false => Action::Pass,
                }
            });
            s.run_with_ticks(45_000, 500);
        },
    ),
    scenario("a run that is longer than it may be silent", |s| {
        s.faults_off();
        runs_long(s);
        s.run_for(9_500);
        s.faults_on();
        s.run_for(7_500);
        s.faults_off();
        s.run_for(12_000);
    }),
    scenario("a long run that one keeper hands over to the next", |s| {
        s.faults_off();
        s.worker_limits(|limits| limits.budget_ms = 12_000);
        runs_long(s);
        s.run_for(11_500);
        s.faults_on();
        s.run_for(2_500);
        s.faults_off();
        s.run_for(14_000);
    }),
];

/// A task with a timeout of a day that takes 24 s.
fn runs_long(s: &Stage) {
    let long = TaskSpec {
        timeout_ms: DAY_MS,
        ..s.task(json!({"sleep_ms": 24_000}))
    };
    s.enqueue_tasks(vec![long]);
}
