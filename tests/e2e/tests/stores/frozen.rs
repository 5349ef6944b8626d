//! Redis takes requests and does not answer.

use crate::calls::{Call, RECOVERY, assert_refused, goes_on, reading, writing};
use handoff_e2e::{Host, Pair, Reply, measured, on, until};
use serde_json::json;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

on!(Some: answers_and_goes_on: local_redis LOCAL_REDIS, local_outbound LOCAL_OUTBOUND,
    spin_redis SPIN_REDIS, spin_outbound SPIN_OUTBOUND);

/// The local host gives the store 5 s for a call, and a request ends with the first call that fails. The rest is for a
/// busy machine.
const PATIENCE: Duration = Duration::from_secs(5 + 5);
/// How long Redis is frozen where requests wait for it.
const FROZEN: Duration = Duration::from_secs(3);
const ALIVE: Duration = Duration::from_secs(2);

/// Sends all calls at once while Redis is frozen. On the local host it stays so until all are answered; Spin gives the
/// store any time, so that nobody is answered before Redis goes on. Returns the answers and how long they took.
fn send(pair: Pair, host: &mut Host, calls: &[Call]) -> Vec<(Reply, Duration)> {
    let http = host.http().clone();
    host.database().freeze();
    thread::scope(|scope| {
        let sent: Vec<_> = calls
            .iter()
            .map(|call| {
                scope.spawn(|| {
                    let start = Instant::now();
                    (call.send(&http), start.elapsed())
                })
            })
            .collect();
        let asked = Instant::now();
        http.get("/healthz").expect(200);
        let alive = asked.elapsed();
        if !pair.is_local() {
            sleep(FROZEN);
            host.database().thaw();
        }
        let joined = sent.into_iter().map(|sent| sent.join());
        let answers = joined.map(|answer| answer.expect("an answer")).collect();
        host.database().thaw();
        assert!(alive < ALIVE, "alive all the same: {alive:?}");
        answers
    })
}

fn answers_and_goes_on(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let done = http.enqueue(&json!({"task": "echo", "args": 7}));
    let done = http.succeeded(&done, Duration::from_secs(10));
    let done_id = done["id"].as_str().expect("an id");
    let sleeping = |time| json!({"task": "sleep", "args": {"for": time}, "timeout": "4s"});
    let delayed = json!({"task": "echo", "args": "late", "delay": "3s", "timeout": "4s"});
    let open = [
        http.enqueue(&delayed),
        http.enqueue(&sleeping("2s")),
        http.enqueue(&sleeping("3500ms")),
    ];
    until("the task runs", Duration::from_secs(10), || {
        (http.task(&open[2])["state"] == "running").then_some(())
    });

    let mut calls = writing(done_id);
    calls.extend(reading(done_id));
    calls.extend(reading(&open[0]));
    let answers = send(pair, &mut host, &calls);
    let mut longest = Duration::ZERO;
    for (call, (reply, took)) in calls.iter().zip(&answers) {
        let limit = if pair.is_local() {
            assert_refused(call, reply);
            PATIENCE
        } else {
            assert!(
                matches!(reply.status, 200 | 202),
                "{call:?}: {}",
                reply.text()
            );
            FROZEN + PATIENCE
        };
        assert!(*took < limit, "{call:?}: {took:?}");
        longest = longest.max(*took);
    }

    let woken = Instant::now();
    let id = until("a task is taken", PATIENCE, || {
        let reply = http.post("/v1/tasks", &json!({"task": "echo", "args": 8}));
        (reply.status != 503).then(|| reply.expect(202).json()["id"].clone())
    });
    let woken = woken.elapsed();
    let id = id.as_str().expect("an id");
    assert_eq!(http.succeeded(id, RECOVERY)["result"], 8);
    goes_on(&http, &done, &open);
    measured(
        pair,
        &format!(
            "the last of {} requests to a frozen Redis was answered {} after {:.1} s; when it went on the next task was \
             taken within {} ms",
            calls.len(),
            answers
                .iter()
                .map(|(reply, _)| reply.status)
                .max()
                .unwrap_or_default(),
            longest.as_secs_f64(),
            woken.as_millis()
        ),
    );
}
