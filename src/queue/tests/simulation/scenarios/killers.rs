//! Tasks that end their instances.

use super::{Left, MINUTE_MS, Scenario, scenario};
use crate::stage::Stage;
use crate::support::run_name;
use handoff_queue::TaskSpec;
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("a task that kills its instance", |s| {
        s.faults_off();
        let killer = s.task(json!({"sleep_ms": 1_200, "traps": true}));
        let beside = || s.task(json!({"sleep_ms": 1_500}));
        let mut tasks = vec![beside(), killer, beside()];
        tasks.iter_mut().for_each(|task| task.retry.attempts = 1);
        s.enqueue_tasks(tasks);
        s.run_with_ticks(15_000, 5_000);
        s.faults_on();
        s.run_with_ticks(10_000, 5_000);
        s.goes_on(60_000);
    }),
    scenario("a kind that ends its instances, beside others", |s| {
        s.faults_off();
        let killer = || killer(s, 300);
        s.enqueue_tasks((0..3).map(|_| killer()).collect());
        s.run_with_ticks(MINUTE_MS, 1_000);
        let beside = s.task(json!({"sleep_ms": 1_000}));
        let name = run_name(&beside.args, None);
        s.enqueue_tasks(vec![killer(), beside]);
        s.run_with_ticks(MINUTE_MS, 1_000);
        let begun = s.sim.began(&name).len();
        assert_eq!(begun, 1, "it began so often beside a known killer");
    }),
    scenario(
        "every second a task that ends its instance, beside others",
        |s| {
            s.faults_off();
            for _ in 0..60 {
                s.enqueue_tasks(vec![killer(s, 500)]);
                let beside = s.load.named(json!({"sleep_ms": 4_000}));
                s.enqueue_tasks(vec![beside]);
                s.run_for(1_000);
            }
            s.run_with_ticks(MINUTE_MS, 1_000);
            let longest_ms = s.longest_wait_ms();
            assert!(longest_ms <= 26_000, "one was held up for {longest_ms} ms");
        },
    )
    .leaves(Left::Perhaps),
];

/// A task that ends its instance after so long, of a kind of its own.
fn killer(s: &Stage, sleep_ms: u64) -> TaskSpec {
    TaskSpec {
        kind: "killer".to_owned(),
        ..s.fatal(json!({"sleep_ms": sleep_ms, "traps": true}))
    }
}
