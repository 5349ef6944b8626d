//! The server of the store is gone, and comes back.

use crate::calls::{RECOVERY, assert_refused, goes_on, reading, try_to_enqueue, writing};
use handoff_e2e::{Host, Pair, measured, on, until};
use serde_json::json;
use std::time::{Duration, Instant};

on!(Some: refuses_at_once_and_goes_on: local_redis LOCAL_REDIS, local_outbound LOCAL_OUTBOUND,
    spin_redis SPIN_REDIS, spin_outbound SPIN_OUTBOUND,
    local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES,
    local_pgbouncer LOCAL_PGBOUNCER, spin_pgbouncer SPIN_PGBOUNCER);

/// A refused connection needs no time. The rest is for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);
/// The client of Spin's own store looks for Redis after 1 to 2 s, and a second time after 1 to 2 minutes more; requests wait for that.
const ON_SPIN: Duration = Duration::from_secs(130);

fn refuses_at_once_and_goes_on(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let done = http.enqueue(&json!({"task": "echo", "args": 7}));
    let done = http.succeeded(&done, Duration::from_secs(10));
    let done_id = done["id"].as_str().expect("an id");
    let delayed = json!({"task": "echo", "args": "late", "delay": "3s", "timeout": "4s"});
    let sleeping = json!({"task": "sleep", "args": {"for": "2s"}, "timeout": "4s"});
    let open = [http.enqueue(&delayed), http.enqueue(&sleeping)];
    until("the task runs", Duration::from_secs(10), || {
        (http.task(&open[1])["state"] == "running").then_some(())
    });

    host.database().kill9();
    let mut calls = writing(done_id);
    calls.extend(reading(done_id));
    let mut longest = Duration::ZERO;
    if pair.reconnects_at_once() {
        for call in calls.iter().cycle().take(3 * calls.len()) {
            let start = Instant::now();
            assert_refused(call, &call.send(&http));
            longest = longest.max(start.elapsed());
        }
        assert!(longest < AT_ONCE, "{longest:?}");
    }
    for path in ["/healthz", "/openapi.json"] {
        http.get(path).expect(200);
    }
    host.database().restart();

    let back = Instant::now();
    let limit = if pair.reconnects_at_once() {
        AT_ONCE
    } else {
        ON_SPIN
    };
    let body = json!({"task": "echo", "args": 8});
    // On Spin it may have to wait longer than this client does.
    let id = until("a task is taken", limit, || try_to_enqueue(&http, &body));
    let back = back.elapsed();
    assert_eq!(http.succeeded(&id, RECOVERY)["result"], 8);
    goes_on(&http, &done, &open);
    measured(
        pair,
        &format!(
            "while the server was gone requests were refused within {} ms; {} ms after it was back the next task was taken",
            longest.as_millis(),
            back.as_millis()
        ),
    );
}
