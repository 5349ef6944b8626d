//! What tasks say while they run: kept across attempts and crashes of their neighbours, and for no store call of its
//! own.

use crate::support::{Sim, keys, task};
use handoff_queue::{LOG_LINES_MAX, Report, State, TaskId, Wake};
use serde_json::{Value, json};

fn report(sim: &Sim, id: &TaskId) -> Report {
    sim.view(id).unwrap().report
}

fn messages(report: &Report) -> Vec<&str> {
    report.logs.iter().map(|l| l.message.as_str()).collect()
}

#[test]
fn progress_message_and_log_are_seen_while_a_task_runs_and_afterwards() {
    let sim = Sim::new(1);
    let args = json!({"progress": 0.5, "message": "half", "logs": 2, "sleep_ms": 3_000});
    let id = sim.enqueue_one(task("a", args));
    sim.run_for(1_500);
    let running = report(&sim, &id);
    assert_eq!(sim.state(&id), State::Running);
    assert_eq!(running.progress, Some(json!(0.5).into()));
    assert_eq!(running.message.as_deref(), Some("half"));
    assert_eq!(messages(&running), ["attempt 1 line 1", "attempt 1 line 2"]);
    assert_eq!(running.logs[0].attempt, 1);
    sim.until_state(&id, State::Succeeded, 3_000);
    assert_eq!(report(&sim, &id), running);
}

#[test]
fn logs_are_kept_across_attempts_and_parts() {
    let sim = Sim::new(2);
    let retried = json!({"logs": 1, "fail_times": 2, "after_ms": 500, "continues": 1});
    let id = sim.enqueue_one(task("a", retried));
    sim.until_state(&id, State::Succeeded, 20_000);
    let expected = [1, 2, 3, 3].map(|attempt| format!("attempt {attempt} line 1"));
    assert_eq!(messages(&report(&sim, &id)), expected);
}

#[test]
fn only_the_last_lines_are_kept() {
    let sim = Sim::new(3);
    let logs = LOG_LINES_MAX - 30;
    let id = sim.enqueue_one(task("a", json!({"logs": logs, "continues": 1})));
    sim.until_state(&id, State::Succeeded, 20_000);
    let report = report(&sim, &id);
    assert_eq!(report.logs.len(), LOG_LINES_MAX);
    assert_eq!(report.logs_dropped as usize, 2 * logs - LOG_LINES_MAX);
    assert_eq!(report.lines() as usize, 2 * logs);
}

#[test]
fn what_was_said_before_a_panic_is_kept_of_the_task_and_its_neighbours() {
    let sim = Sim::new(4);
    sim.world.faults.wake_fails.set(1_000);
    let neighbour = json!({"logs": 1, "progress": 7, "sleep_ms": 400});
    let ids = sim.enqueue(vec![
        task("neighbour", neighbour.clone()),
        task(
            "panics",
            json!({"logs": 1, "panic_times": 1, "sleep_ms": 100}),
        ),
        task("other", neighbour),
    ]);
    sim.world.faults.off();
    sim.worker(Wake::Work);
    for id in &ids {
        sim.until_state(id, State::Succeeded, 20_000);
    }
    assert_eq!(
        messages(&report(&sim, &ids[1])),
        ["attempt 1 line 1", "attempt 2 line 1"]
    );
    // Put back: the same attempt says it again.
    assert_eq!(messages(&report(&sim, &ids[0])), ["attempt 1 line 1"; 2]);
    assert_eq!(report(&sim, &ids[0]).progress, Some(json!(7).into()));
}

#[test]
fn saying_something_costs_no_more_calls_than_progress_and_nothing_what_says_nothing() {
    let calls = |args: Value| {
        let sim = Sim::new(5);
        let id = sim.enqueue_one(task("a", args));
        sim.world.store.take_calls();
        sim.run_for(9_000);
        let calls = sim.world.store.take_calls();
        assert_eq!(sim.state(&id), State::Succeeded);
        calls
    };
    for sleep_ms in [0, 4_000] {
        let silent = calls(json!({"sleep_ms": sleep_ms}));
        let progress = calls(json!({"sleep_ms": sleep_ms, "progress": 1}));
        let all = json!({"sleep_ms": sleep_ms, "progress": 1, "message": "m", "logs": 50});
        assert_eq!(calls(all), progress);
        // What is said in the first second goes with the first heartbeat, or with the outcome.
        assert_eq!(progress, silent);
    }
}

#[test]
fn a_silent_task_has_nothing_of_it_in_its_record() {
    let sim = Sim::new(6);
    let id = sim.enqueue_one(task("a", json!({"sleep_ms": 1_500})));
    sim.record();
    sim.until_state(&id, State::Succeeded, 5_000);
    let records = sim.record();
    let key = keys::run(id.slot(), 0);
    let own: Vec<_> = records.iter().filter(|l| l.key == key).collect();
    assert!(!own.is_empty());
    for word in ["progress", "message", "changes", "logs"] {
        assert!(own.iter().all(|l| !l.text.contains(word)), "{word}");
    }
}
