//! Every eleventh call of the store fails, in turn before and after it took effect.

use crate::calls::{RECOVERY, cancel, enqueue, insist, show};
use handoff_e2e::{Client, Host, Pair, measured, on};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

on!(Some: what_is_acknowledged_ends: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS);

const FAULT: [&str; 2] = ["--fault", "store-fail=11"];
/// A request makes some calls, so that it is repeated a few times.
const TAKEN: Duration = Duration::from_secs(20);
/// How long the store goes on failing when all are taken.
const FAILING: Duration = Duration::from_secs(10);
const COUNT: usize = 25;
const OTHERS: usize = 2;
const UNKNOWN: &str = "default-1-0123456789abcdef01234567";

/// The tasks of one client, and what they must return. `None` for one that is cancelled.
fn plan(i: usize) -> [(Value, Option<Value>); 4] {
    let retry = json!({"attempts": 50, "initial": "100ms", "max": "1s"});
    let task = |name: &str, args: Value| json!({"task": name, "args": args, "timeout": "4s", "retry": retry});
    let mut delayed = task("echo", json!({"delayed": i}));
    delayed["delay"] = json!("1s");
    let mut cancelled = task("echo", json!({"cancelled": i}));
    cancelled["delay"] = json!("1h");
    [
        (task("echo", json!({"n": i})), Some(json!({"n": i}))),
        (delayed, Some(json!({"delayed": i}))),
        (
            task("sleep", json!({"for": "300ms"})),
            Some(json!("Task Done.")),
        ),
        (cancelled, None),
    ]
}

/// Faults on: all answers are as they should be, and what has ended stays as it is. Faults off: everything ends.
fn what_is_acknowledged_ends(pair: Pair) {
    let mut host = Host::start_with(pair, &[], &FAULT);
    let mut taken = take_all(&host);
    let count = taken.len();
    let mut ended = Vec::new();
    let end = Instant::now() + FAILING;
    while Instant::now() < end && !taken.is_empty() {
        taken.retain(|(id, expected)| {
            let task = insist(host.http(), &show(id), TAKEN).expect(200).json();
            let last = check(&task, expected.as_ref());
            if last {
                ended.push((id.clone(), task));
            }
            !last
        });
    }

    host.restart_plain();
    let http = host.http();
    for (id, task) in &ended {
        assert_eq!(http.task(id), *task);
    }
    for (id, expected) in &taken {
        assert!(check(&http.finished(id, RECOVERY), expected.as_ref()));
    }
    http.get("/readyz").expect(200);
    measured(
        pair,
        &format!(
            "with every eleventh call of the store failing {count} tasks were acknowledged and {} of them ended; the others \
             did when it worked again",
            ended.len()
        ),
    );
}

/// Enqueues all, while others ask: with nobody else's calls in between, a request that makes eleven would never succeed.
fn take_all(host: &Host) -> Vec<(String, Option<Value>)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&over);
        for _ in 0..OTHERS {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let reply = host.http().get(&format!("/status/{UNKNOWN}"));
                    assert!(matches!(reply.status, 404 | 503), "{}", reply.text());
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        let take = |i| plan(i).map(|planned| take(host.http(), planned));
        let clients: Vec<_> = (0..COUNT).map(|i| scope.spawn(move || take(i))).collect();
        let taken = clients.into_iter().map(|client| client.join());
        let taken = taken.flat_map(|taken| taken.expect("taken or refused"));
        taken.collect()
    })
}

/// Ends the others' calls, also by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Enqueues a task, and cancels it if that is planned.
fn take(http: &Client, planned: (Value, Option<Value>)) -> (String, Option<Value>) {
    let (task, expected) = planned;
    let reply = insist(http, &enqueue(task), TAKEN).expect(202).json();
    let id = reply["id"].as_str().expect("an id").to_owned();
    if expected.is_none() {
        let reply = insist(http, &cancel(&id), TAKEN);
        // 202 if an earlier request was noted although it was refused.
        assert!(matches!(reply.status, 200 | 202), "{}", reply.text());
    }
    (id, expected)
}

/// Whether the task is final. Fails the test if it is not as it should be.
#[track_caller]
fn check(task: &Value, expected: Option<&Value>) -> bool {
    match (task["state"].as_str(), expected) {
        (Some("succeeded"), Some(result)) => assert_eq!(task["result"], *result, "{task:#}"),
        (Some("cancelled"), None) => {}
        (Some("succeeded" | "failed" | "cancelled"), _) => panic!("{task:#}"),
        _ => return false,
    }
    true
}
