//! Tasks that break their instance: tried again, then failed, with what happened told; their neighbours don't notice.

use handoff_e2e::{Client, Host, Pair, measured, on, on_every_pair, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_every_pair!(broken_and_beside_them, attempts_are_not_lost_to_neighbours);

// Spin has no way to stop a component that computes for ever.
on!(Some: stopped_when_it_computes_for_ever: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS);

// Spin works on it as the local host does, and two minutes of it are enough.
on!(Some: kept_apart: local_sqlite LOCAL_SQLITE);

/// What a task is told whose instance a trap ended. Those here share instances, so that any may be hit by another's.
const LOST: &str = "the worker was lost";

/// A trap is found by rescue, some 10 to 25 s after it happened.
const LIMIT: Duration = Duration::from_secs(150);

fn fault(http: &Client, args: &Value, attempts: u32, timeout: &str) -> String {
    let retry = json!({"attempts": attempts, "initial": "100ms"});
    http.enqueue(&json!({"task": "fault", "args": args, "timeout": timeout, "retry": retry}))
}

/// A task that failed after `attempts`, each with an error that contains one of `expected`.
#[track_caller]
fn assert_failed(task: &Value, attempts: usize, expected: &[&str]) {
    assert_eq!(task["state"], "failed", "{task:#}");
    assert_eq!(task["attempt"], attempts, "{task:#}");
    let errors = task["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), attempts, "{task:#}");
    for (i, error) in errors.iter().enumerate() {
        assert_eq!(error["attempt"], i + 1, "{task:#}");
        let text = error["error"].as_str().unwrap_or_default();
        assert!(expected.iter().any(|part| text.contains(part)), "{task:#}");
    }
    assert_eq!(task["error"], errors[attempts - 1]["error"]);
}

/// A task whose first attempt broke; it returns the number of the one that succeeded.
#[track_caller]
fn assert_recovered(task: &Value) {
    let attempt = task["attempt"].as_u64().unwrap_or_default();
    assert!(attempt >= 2, "{task:#}");
    assert_eq!(task["result"], attempt, "{task:#}");
    let errors = task["errors"].as_array().map_or(0, Vec::len);
    assert_eq!(errors as u64, attempt - 1, "{task:#}");
}

fn broken_and_beside_them(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let beside = |i: usize| {
        let sleep = json!({"task": "sleep", "args": {"for": "300ms"}, "timeout": "2s"});
        [
            http.enqueue(&json!({"task": "echo", "args": i, "timeout": "2s"})),
            http.enqueue(&sleep),
        ]
    };
    let mut neighbours = Vec::new();
    let broken = [
        (
            "panic",
            "panicked: as it was asked to (at src/built_in/fault.rs:",
        ),
        ("trap", LOST),
        ("eat_memory", LOST),
        ("fail", "failed as it was asked to"),
    ]
    .map(|(how, error)| {
        neighbours.extend(beside(1));
        let always = fault(http, &json!({"how": how}), 2, "2s");
        neighbours.extend(beside(2));
        let once = fault(http, &json!({"how": how, "times": 1}), 10, "2s");
        neighbours.extend(beside(3));
        (how, error, always, once)
    });
    let late = http.enqueue(&json!({
        "task": "sleep",
        "args": {"for": "1m"},
        "timeout": "1s",
        "retry": {"attempts": 2, "initial": "100ms"},
    }));

    for id in &neighbours {
        http.succeeded(id, LIMIT);
    }
    for (how, error, always, once) in &broken {
        eprintln!("{how}");
        assert_failed(&http.finished(always, LIMIT), 2, &[error, LOST]);
        assert_recovered(&http.succeeded(once, LIMIT));
    }
    let late = http.finished(&late, LIMIT);
    assert_failed(&late, 2, &["overran its timeout of 1000 ms", LOST]);
    http.get("/readyz").expect(200);
}

/// Whatever ends an instance, the other tasks in it have all their attempts left: these have one.
fn attempts_are_not_lost_to_neighbours(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let beside = json!({
        "task": "sleep",
        "args": {"for": "300ms"},
        // Of what was lost the lease is over before rescue looks, all the same.
        "timeout": "8s",
        "retry": {"attempts": 1},
    });
    let mut neighbours = Vec::new();
    for how in ["panic", "trap", "panic", "trap"] {
        neighbours.extend((0..4).map(|_| http.enqueue(&beside)));
        fault(http, &json!({"how": how}), 1, "2s");
        neighbours.extend((0..4).map(|_| http.enqueue(&beside)));
    }
    for id in &neighbours {
        let task = http.succeeded(id, LIMIT);
        assert_eq!(task["errors"], json!([]), "{task:#}");
    }
}

fn stopped_when_it_computes_for_ever(pair: Pair) {
    // Workers end long before the host stops them.
    let variables = [("fault_tasks", "true"), ("worker_budget", "3s")];
    let host = Host::start_with(pair, &variables, &["--request-timeout", "8"]);
    let http = host.http();
    let always = fault(http, &json!({"how": "compute_forever"}), 2, "1s");
    let args = json!({"how": "compute_forever", "times": 1});
    let once = fault(http, &args, 10, "1s");
    let neighbours: Vec<String> = (0..5)
        .map(|i| http.enqueue(&json!({"task": "echo", "args": i})))
        .collect();
    for id in &neighbours {
        http.succeeded(id, LIMIT);
    }
    assert_failed(&http.finished(&always, LIMIT), 2, &["overran its timeout"]);
    assert_recovered(&http.succeeded(&once, LIMIT));
}

/// A task that ends its instance, once a second: sixty neighbours end, and when its kind is known those that come then
/// do not even notice.
fn kept_apart(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let sleep = json!({"task": "sleep", "args": {"for": "4s"}});
    let neighbours: Vec<_> = (0..60).map(|_| http.enqueue(&sleep)).collect();
    let began = Instant::now();
    let mut poison = Vec::new();
    let mut next = began;
    let mut each_second = |poison: &mut Vec<String>| {
        if Instant::now() >= next {
            next += Duration::from_secs(1);
            poison.push(fault(http, &json!({"how": "trap"}), 2, "2s"));
        }
    };
    let is_done = |id: &String| http.task(id)["state"] == "succeeded";
    let mut open = neighbours;
    until("its neighbours end", LIMIT, || {
        each_second(&mut poison);
        open.retain(|id| !is_done(id));
        open.is_empty().then_some(())
    });
    let took = began.elapsed();
    measured(
        pair,
        &format!("60 neighbours of a task that traps every second ended after {took:.1?}"),
    );
    assert!(took < Duration::from_secs(60), "{took:?}");

    // A run that was alone when it was lost is a failed attempt.
    let lost = |id: &String| http.task(id)["errors"].as_array().map_or(0, Vec::len);
    until("its kind is known", LIMIT, || {
        each_second(&mut poison);
        let known = poison.iter().map(lost).sum::<usize>() >= 4;
        known.then_some(())
    });
    for _ in 0..3 {
        let began = Instant::now();
        let mut open: Vec<_> = (0..20).map(|_| http.enqueue(&sleep)).collect();
        until("others end", LIMIT, || {
            each_second(&mut poison);
            open.retain(|id| !is_done(id));
            open.is_empty().then_some(())
        });
        // Whoever was lost would begin again only when it was silent for 15 s.
        let took = began.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}
