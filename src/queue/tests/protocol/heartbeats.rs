//! A run is lost when it falls silent, whatever its timeout.

use crate::support::{Action, Sim, computing, keys, task};
use handoff_queue::{RetryPolicy, State, TIMEOUT_MAX_MS, TaskSpec, TaskStatus};
use serde_json::json;

/// What a dead host was running runs again within this time of the next request.
const AGAIN_MS: u64 = 20_000;

fn lasting(name: &str, timeout_ms: u64) -> TaskSpec {
    TaskSpec {
        timeout_ms,
        ..task(name, json!({"sleep_ms": 120_000}))
    }
}

/// All workers die after so long; a request comes every second from `down_ms` later on. How long each of so many tasks needs
/// from the first of these requests to its next begin.
fn again_ms(seed: u64, tasks: usize, timeout_ms: u64, dies_ms: u64, down_ms: u64) -> Vec<u64> {
    let sim = Sim::new(seed);
    // Windows begin at any time of a host's life.
    sim.run_for(seed * 617 % 5_000);
    let name = |i: usize| format!("t{i}");
    sim.enqueue((0..tasks).map(|i| lasting(&name(i), timeout_ms)).collect());
    sim.run_for(dies_ms);
    for worker in sim.alive() {
        worker.kill();
    }
    sim.run_for(down_ms);
    let up_ms = sim.now_ms();
    let begun = |i: usize| sim.began(&name(i)).into_iter().find(|b| b.at_ms >= up_ms);
    for _ in 0..60 {
        sim.tick();
        sim.run_for(1_000);
        if (0..tasks).all(|i| begun(i).is_some()) {
            break;
        }
    }
    let waited = |i| begun(i).map_or(u64::MAX, |b| b.at_ms - up_ms);
    (0..tasks).map(waited).collect()
}

#[test]
fn what_a_dead_host_ran_runs_again_within_20_s() {
    let mut most_ms = 0;
    for (seed, dies_ms) in (1..).zip([
        5, 300, 900, 1_100, 2_500, 4_900, 6_000, 9_500, 11_000, 14_000, 19_000, 26_000, 40_000,
        61_000,
    ]) {
        for timeout_ms in [60_000, TIMEOUT_MAX_MS] {
            for down_ms in [1_000, 3_000, 60_000] {
                let waited = again_ms(seed, 3, timeout_ms, dies_ms, down_ms);
                let longest = waited.into_iter().max().unwrap_or_default();
                assert!(
                    longest <= AGAIN_MS,
                    "{longest} ms: timeout {timeout_ms}, killed after {dies_ms}, down for {down_ms}"
                );
                most_ms = most_ms.max(longest);
            }
        }
    }
    println!("at most {most_ms} ms");
}

/// What was lost runs alone in its instance: of many no more instances are started than a host has room for.
#[test]
fn however_many_a_dead_host_ran() {
    for tasks in [100, 400] {
        let waited = again_ms(7, tasks, TIMEOUT_MAX_MS, 12_000, 2_000);
        let longest = waited.into_iter().max().unwrap_or_default();
        assert!(longest <= AGAIN_MS, "{longest} ms of {tasks}");
    }
}

#[test]
fn what_is_heard_of_is_not_lost() {
    let sim = Sim::new(2);
    sim.world.faults.skew_ms.set(3_000);
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: TIMEOUT_MAX_MS,
        ..task("a", json!({"sleep_ms": 3_600_000}))
    });
    sim.run_with_ticks(3_590_000, 5_000);
    assert_eq!(sim.state(&id), State::Running);
    sim.run_with_ticks(20_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    assert_eq!(sim.began("a").len(), 1);
}

/// Code that computes without a pause says for how long. Without that it is lost beside others, perhaps, and then by itself.
#[test]
fn silence_lasts_as_long_as_the_task_says() {
    let table = [
        (None, 2, State::Failed),
        (Some(30_000), 1, State::Succeeded),
    ];
    for (heartbeat_timeout_ms, runs, state) in table {
        let sim = Sim::new(3);
        let id = sim.enqueue_one(TaskSpec {
            heartbeat_timeout_ms,
            retry: RetryPolicy {
                attempts: 1,
                ..RetryPolicy::default()
            },
            ..computing("a", json!({"sleep_ms": 25_000}))
        });
        sim.run_with_ticks(120_000, 1_000);
        assert_eq!(sim.state(&id), state, "{heartbeat_timeout_ms:?}");
        assert_eq!(sim.began("a").len(), runs, "{heartbeat_timeout_ms:?}");
    }
}

/// A failed heartbeat is repeated at once: three that fail in a row cost no run.
#[test]
fn a_store_that_fails_at_heartbeats_costs_no_run() {
    use crate::support::{Action, When};
    let sim = Sim::new(4);
    let mut beats = 0;
    sim.world.faults.script(move |call| {
        let beat = call.is("set", &keys::run(1, 0));
        beats += u64::from(beat);
        match beat && beats % 4 != 0 {
            true => Action::Fail(When::Before),
            false => Action::Pass,
        }
    });
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 600_000,
        ..task("a", json!({"sleep_ms": 120_000}))
    });
    sim.run_with_ticks(119_000, 1_000);
    assert_eq!(sim.state(&id), State::Running);
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn a_heartbeat_that_comes_late_changes_no_end() {
    for (args, attempts) in [
        (json!({}), 1),
        (json!({"fail_times": 1, "after_ms": 0}), 2),
        (json!({"continues": 2}), 1),
        (json!({"fatal": "no use"}), 1),
    ] {
        let sim = Sim::new(1);
        let mut args = args;
        args["sleep_ms"] = 1_200.into();
        let mut first = true;
        sim.world.faults.script(move |call| {
            let beats = call.is("set", &keys::run(1, 0)) && std::mem::take(&mut first);
            match beats {
                true => Action::Late(3_000),
                false => Action::Pass,
            }
        });
        let id = sim.enqueue_one(task("t", args.clone()));
        sim.run_for(1_800);
        let early = sim.status(&id);
        sim.run_for(20_000);
        let ended = sim.status(&id);
        assert!(matches!(ended, TaskStatus::Final(_)), "{args}: {ended:?}");
        if matches!(early, TaskStatus::Final(_)) {
            assert_eq!(early, ended, "{args}");
        }
        assert_eq!(sim.world.ledger.violation(), None, "{args}");
        let runs = sim.began("t");
        let last = runs.last().map(|run| run.attempt);
        assert_eq!(last, Some(attempts), "{args}: no run is repeated");
        let view = sim.view(&id).unwrap();
        let expected = attempts - 1 + u32::from(args["fatal"].is_string());
        assert_eq!(view.errors.len() as u32, expected, "{args}");
        let counts = sim.wait(|queue| async move { queue.statistics().await.unwrap().ended });
        assert_eq!(counts.succeeded + counts.failed, 1, "{args}: it counts");
        sim.run_with_ticks(30_000, 5_000);
        assert_eq!(sim.status(&id), ended, "{args}");
    }
}
