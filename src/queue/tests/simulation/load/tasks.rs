//! Tasks as a random run makes them.

use super::Load;
use crate::support::{Sim, computing, set, task, value};
use handoff_queue::{FollowUp, KeyLimits, Priority, RetryPolicy, TIMEOUT_MAX_MS, TaskSpec};
use serde_json::{Value, json};

impl Load {
    /// Makes a task that does what `args` say, and whose result names it.
    pub(crate) fn named(&self, mut args: Value) -> TaskSpec {
        self.names.set(self.names.get() + 1);
        let name = format!("n{}", self.names.get());
        args["then"] = name.as_str().into();
        let follows = self.mix.follows && self.names.get().is_multiple_of(3);
        TaskSpec {
            on_end: follows.then(|| follow_up(&name)),
            timeout_ms: 12_000,
            retry: RetryPolicy {
                attempts: 3,
                max_ms: 20_000,
                ..RetryPolicy::default()
            },
            retention_ms: self.retention_ms.get(),
            ..task(&name, args)
        }
    }

    pub(super) fn task(&self, sim: &Sim) -> TaskSpec {
        let (world, mix) = (&sim.world, &self.mix);
        let mut args = match world.below(12) {
            0 if mix.failures => json!({"fail_times": 1 + world.below(3)}),
            1 if mix.failures => json!({"fail_times": 1, "after_ms": world.below(5_000)}),
            2 if mix.failures => json!({"fatal": "no use"}),
            3..=4 if mix.continues => {
                let parts = 1 + world.below(6);
                json!({"continues": parts, "pauses_ms": parts % 2 * 700})
            }
            5 if mix.panics => json!({"panic_times": 1}),
            6 if mix.cancels && world.chance(300) => json!({"until_cancelled": true}),
            _ => json!({}),
        };
        if mix.sleeps {
            args["sleep_ms"] =
                [0, 0, 0, 5, 5, 100, 100, 1_500, 1_500, 4_000][world.below(10) as usize].into();
        }
        // Decide without random numbers, so that the other requests stay the same.
        let key = self.names.get() % 3;
        let keyed = key > 0 && world.queue_limits.get().per_key != KeyLimits::default();
        let key = keyed.then(|| format!("key{key}"));
        if let Some(key) = &key {
            args["key"] = key.as_str().into();
        }
        let ends = args["until_cancelled"].is_null();
        let delayed = mix.delay_max_ms > 0 && world.chance(250);
        let mut task = self.named(args);
        if mix.priorities {
            task.priority = Priority::ALL[world.below(3) as usize];
        }
        task.key = key;
        if ends && mix.computing && world.chance(400) {
            let name = value(&task.args)["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            task.kind = computing(&name, json!({})).kind;
        }
        task.timeout_ms = [5_000, 12_000][world.below(2) as usize];
        if mix.longs && ends && task.kind == "io" && world.chance(300) {
            task.timeout_ms = [60_000, TIMEOUT_MAX_MS][world.below(2) as usize];
            let sleep_ms = [12_000, 20_000, 40_000][world.below(3) as usize];
            set(&mut task.args, "sleep_ms", sleep_ms);
        }
        // A task that waits for a cancel which never comes overruns its timeout in every attempt.
        task.retry.attempts = if ends && world.chance(500) { 50 } else { 3 };
        task.not_before_ms = delayed.then(|| sim.now_ms() + world.below(mix.delay_max_ms));
        if mix.expires && world.chance(400) {
            // Some expire while they are taken, some while they wait for a worker, some never.
            let most_ms = [20, 1_000, 10_000, 120_000][world.below(4) as usize];
            let due_ms = task.not_before_ms.unwrap_or(sim.now_ms());
            task.expires_ms = Some(due_ms + world.below(most_ms));
        }
        task
    }
}

/// The follow-up of the task with this name.
pub(crate) fn follow_up(name: &str) -> FollowUp {
    FollowUp {
        kind: "io".to_owned(),
        args: json!({"name": format!("after {name} "), "sleep_ms": 20}).into(),
        timeout_ms: 5_000,
        retry: RetryPolicy::default(),
    }
}
