//! What takes how long; the bounds are wide, the values are printed. No other end-to-end test runs beside one of these. With
//! `cargo xtask test --only e2e` each has the machine to itself; otherwise the simulation takes what it leaves.

use handoff_e2e::{Connection, Host, Pair, alone_on_every_pair, measured, time_ms};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

alone_on_every_pair!(
    status_over_one_connection,
    a_hundred_requests_at_once,
    two_computing_tasks_at_once,
);

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

/// Finds answers whose head and body go out apart: on a kept-alive connection the client then acknowledges late, and
/// each takes 40 ms.
fn status_over_one_connection(pair: Pair) {
    const REQUESTS: usize = 200;
    let host = Host::start(pair, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo", "args": "x".repeat(100)}));
    http.succeeded(&id, Duration::from_secs(20));
    let mut connection = Connection::open(host.address());
    let mut time = |path: &str| {
        let one = |_| {
            let start = Instant::now();
            connection.get(path).expect(200);
            start.elapsed()
        };
        median_ms((0..REQUESTS).map(one).collect())
    };
    let status_ms = time(&format!("/status/{id}"));
    let task_ms = time(&format!("/v1/tasks/{id}"));
    let alive_ms = time("/healthz");
    measured(
        pair,
        &format!(
            "median of {REQUESTS} over one connection: GET /status {status_ms:.2} ms, /v1/tasks/ID {task_ms:.2} ms, /healthz {alive_ms:.2} ms"
        ),
    );
    for median_ms in [status_ms, task_ms, alive_ms] {
        assert!(median_ms < 20.0, "{median_ms} ms");
    }
}

fn a_hundred_requests_at_once(pair: Pair) {
    const REQUESTS: usize = 100;
    let host = Host::start(pair, &[]);
    let wait = json!({"waits": ["1s"]});
    // Compiled, and a first connection made.
    host.http().post("/gather", &wait).expect(200);
    let start = Instant::now();
    thread::scope(|scope| {
        let ask = || _ = host.http().post("/gather", &wait).expect(200);
        let asking: Vec<_> = (0..REQUESTS).map(|_| scope.spawn(ask)).collect();
        for thread in asking {
            thread.join().expect("each is answered");
        }
    });
    let took = start.elapsed();
    measured(
        pair,
        &format!("{REQUESTS} requests at once, each waiting 1 s: {took:.2?}"),
    );
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// For how long two tasks ran at the same time.
fn overlap_ms(first: &Value, second: &Value) -> u64 {
    let started_ms = time_ms(first, "started_at").max(time_ms(second, "started_at"));
    let ended_ms = time_ms(first, "ended_at").min(time_ms(second, "ended_at"));
    ended_ms.saturating_sub(started_ms)
}

fn took_ms(task: &Value) -> u64 {
    time_ms(task, "ended_at") - time_ms(task, "started_at")
}

fn two_computing_tasks_at_once(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let limit = Duration::from_secs(60);
    let two = |task: &Value| {
        let ids = [(); 2].map(|()| http.enqueue(task));
        ids.map(|id| http.succeeded(&id, limit))
    };

    let primes = json!({"task": "primes.count", "args": {"below": 300_000_000}});
    let one_ms = took_ms(&http.succeeded(&http.enqueue(&primes), limit));
    let [first, second] = two(&primes);
    let both_ms = took_ms(&first) + took_ms(&second) - overlap_ms(&first, &second);
    let ratio = both_ms as f64 / one_ms as f64;
    let overlap = overlap_ms(&first, &second);
    measured(
        pair,
        &format!(
            "one computing task {one_ms} ms, two {both_ms} ms, {overlap} ms of it side by side: ratio {ratio:.2}"
        ),
    );

    // These compute without a pause: inside one instance the second could not begin before the first has ended.
    let [first, second] = two(&json!({"task": "fault.busy", "args": {"for": "2s"}}));
    let overlap = overlap_ms(&first, &second);
    assert!(overlap > 0, "one after the other: {first:#} {second:#}");
    measured(
        pair,
        &format!("two tasks of 2 s computed side by side for {overlap} ms"),
    );
}
