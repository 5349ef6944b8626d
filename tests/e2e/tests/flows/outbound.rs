//! What is special about a Redis or Postgres that the components reach themselves: its address, its password, its tables, and
//! that instances have connections of their own.

use handoff_e2e::{Host, Pair, Reply, on, until};
use serde_json::json;
use std::time::Duration;

on!(Some: the_password_is_used_and_never_shown: local_outbound LOCAL_OUTBOUND, spin_outbound SPIN_OUTBOUND);
on!(Some: a_worker_connects_again: local_outbound LOCAL_OUTBOUND, spin_outbound SPIN_OUTBOUND,
    local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);

on!(Some: the_password_of_postgres_is_never_shown: local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);
on!(Some: readyz_makes_the_tables_if_it_may: local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);
on!(Some: waiting_requests_hold_no_connection: local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);

const PASSWORD: &str = "hunter2-never-shown";

/// Refused, in words that say what to do and do not show the password; and alive all the same.
#[track_caller]
fn assert_refused(host: &Host, status: u16, kind: &str, words: &str) {
    let shows = |reply: &Reply| reply.text().contains(PASSWORD);
    let readiness = host.http().get("/readyz");
    let enqueued = host.http().post("/v1/tasks", &json!({"task": "echo"}));
    for reply in [&readiness, &enqueued] {
        reply.expect_problem(status, kind, None);
        assert!(!shows(reply), "{}", reply.text());
        assert!(reply.text().contains(words), "{}", reply.text());
    }
    host.http().get("/healthz").expect(200);
    let output = host.output();
    assert!(!output.contains(PASSWORD), "{output}");
}

fn the_password_is_used_and_never_shown(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let url = host.redis().url();
    let with = |password: &str, rest: &str| url.replace("//", &format!("//:{password}@")) + rest;
    host.redis().set("requirepass", PASSWORD);

    // With another password, and without.
    host.restart_with("store", &with(&format!("not-{PASSWORD}"), ""));
    assert_refused(&host, 503, "store-unavailable", &url);
    host.restart_with("store", &url);
    assert_refused(&host, 503, "store-unavailable", &url);
    // What can't be read, and where it may not go.
    host.restart_with("store", &with(PASSWORD, "/x"));
    assert_refused(&host, 500, "misconfigured", "redis://[USER:PASSWORD@]HOST");
    host.restart_with("store", &format!("redis://:{PASSWORD}@192.0.2.1"));
    assert_refused(
        &host,
        503,
        "store-unavailable",
        r#"name \"redis://192.0.2.1:6379\""#,
    );

    host.restart_with("store", &with(PASSWORD, "/1"));
    host.http().get("/readyz").expect(200);
    let id = host.http().enqueue(&json!({"task": "echo", "args": 7}));
    let task = host.http().succeeded(&id, Duration::from_secs(20));
    assert_eq!(task["result"], 7);
    host.redis().kill9();
    assert_refused(&host, 503, "store-unavailable", &url);
}

/// The worker that runs the task is connected to the Redis that goes, and writes the outcome to the one that came. Otherwise the
/// task would run again when its lease is over, after a minute.
fn a_worker_connects_again(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let id = http.enqueue(&json!({"task": "sleep", "args": {"for": "4s"}, "timeout": "1m"}));
    // It is called running when it was taken. That it has begun is known a second later.
    until("the task runs", Duration::from_secs(10), || {
        http.task(&id).get("started_at").map(drop)
    });
    host.database().restart();
    let task = http.succeeded(&id, Duration::from_secs(30));
    assert_eq!(task["attempt"], 1, "{task:#}");
}

fn the_password_of_postgres_is_never_shown(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let url = host.database().url();
    let origin = url.replace("handoff@", "");
    let origin = origin.trim_end_matches("/postgres").to_owned();
    let with =
        |user: &str, rest: &str| url.replace("handoff@", &format!("{user}:{PASSWORD}@")) + rest;
    // A role that is not there, what can't be read, and where it may not go.
    host.restart_with("store", &with("nobody", ""));
    assert_refused(&host, 503, "store-unavailable", "role");
    host.restart_with("store", &with("handoff", "?password=x"));
    assert_refused(
        &host,
        500,
        "misconfigured",
        "postgres://USER[:PASSWORD]@HOST",
    );
    host.restart_with(
        "store",
        &format!("postgres://handoff:{PASSWORD}@192.0.2.1/jobs"),
    );
    assert_refused(
        &host,
        503,
        "store-unavailable",
        r#"name \"postgres://192.0.2.1:5432\""#,
    );

    host.restart_with("store", &with("handoff", ""));
    host.http().get("/readyz").expect(200);
    host.database().kill9();
    assert_refused(&host, 503, "store-unavailable", &origin);
}

fn readyz_makes_the_tables_if_it_may(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let postgres = host.postgres();
    postgres.ask("DROP SCHEMA handoff CASCADE");
    let enqueued = http.post("/v1/tasks", &json!({"task": "echo", "args": 7}));
    enqueued.expect_problem(503, "store-unavailable", None);
    assert!(
        enqueued.text().contains("call /readyz"),
        "{}",
        enqueued.text()
    );

    postgres.ask("CREATE ROLE plain LOGIN");
    let owner = postgres.url();
    host.restart_with("store", &owner.replace("handoff@", "plain@"));
    let refused = host.http().get("/readyz");
    refused.expect_problem(503, "store-unavailable", None);
    assert!(
        refused.text().contains("this role may not create it"),
        "{}",
        refused.text()
    );

    host.restart_with("store", &owner);
    host.http().get("/readyz").expect(200);
    host.postgres().ask(
        "GRANT USAGE ON SCHEMA handoff TO plain; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA handoff TO plain",
    );
    host.restart_with("store", &owner.replace("handoff@", "plain@"));
    host.http().get("/readyz").expect(200);
    host.postgres()
        .ask("REVOKE EXECUTE ON PROCEDURE handoff.append FROM PUBLIC");
    let refused = host.http().get("/readyz");
    refused.expect_problem(503, "store-unavailable", None);
    assert!(
        refused.text().contains("may not call the procedure"),
        "{}",
        refused.text()
    );
    host.postgres()
        .ask("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA handoff TO plain");
    host.http().get("/readyz").expect(200);
    let id = host.http().enqueue(&json!({"task": "echo", "args": 7}));
    let task = host.http().succeeded(&id, Duration::from_secs(20));
    assert_eq!(task["result"], 7);
}

/// A host keeps 64 connections for a component. More requests than that wait for a task, and others are answered all the same.
fn waiting_requests_hold_no_connection(pair: Pair) {
    const WAITING: usize = 80;
    let host = Host::start(pair, &[]);
    let http = host.http().clone();
    let slow = http.enqueue(&json!({"task": "echo", "delay": "1h"}));
    let wait = format!("/v1/tasks/{slow}?wait=25s");
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| scope.spawn(|| http.get(&wait).expect(200)))
            .collect();
        for n in 0..20 {
            let id = http.enqueue(&json!({"task": "echo", "args": n}));
            let task = http.succeeded(&id, Duration::from_secs(20));
            assert_eq!(task["result"], n);
        }
        http.delete(&format!("/v1/tasks/{slow}")).expect(200);
        for waiting in waiting {
            waiting.join().expect("an answer");
        }
    });
}
