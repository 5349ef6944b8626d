//! The server of the store is killed for good, and its synchronous standby takes over.

use crate::calls::RECOVERY;
use handoff_e2e::{Client, Host, Pair, measured, on, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on!(Some: nothing_acknowledged_is_lost: local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);

/// So many tasks are acknowledged before, and after.
const ENOUGH: usize = 100;
const LIMIT: Duration = Duration::from_secs(60);

fn nothing_acknowledged_is_lost(pair: Pair) {
    let folder = tempfile::Builder::new().prefix("handoff-e2e-").tempdir();
    let folder = folder.expect("a folder for the standby");
    let mut host = Host::start(pair, &[]);
    let standby = host.postgres().start_synchronous_standby(folder.path());
    let both = host.postgres().url_with(&standby);
    host.restart_with("store", &both);
    let http = host.http().clone();

    let done = http.enqueue(&json!({"task": "echo", "args": "before"}));
    let done = http.succeeded(&done, LIMIT);
    let mut acknowledged = Vec::new();
    for (what, body) in [
        (
            "delayed",
            json!({"task": "echo", "args": "late", "delay": "8s", "timeout": "4s"}),
        ),
        (
            "running",
            json!({"task": "sleep", "args": {"for": "3s"}, "timeout": "4s"}),
        ),
    ] {
        acknowledged.push((what, http.enqueue(&body)));
    }
    until("enough are acknowledged", LIMIT, || {
        acknowledged.extend(try_to_enqueue(&http));
        (acknowledged.len() > ENOUGH).then_some(())
    });

    host.postgres().kill9();
    let gone = Instant::now();
    assert!(try_to_enqueue(&http).is_none(), "nobody takes it");
    standby.promote();
    let promoted = Instant::now();
    until("a task is taken again", LIMIT, || {
        acknowledged.extend(try_to_enqueue(&http));
        (acknowledged.len() > ENOUGH + 1).then_some(())
    });
    let (back, gone) = (promoted.elapsed(), gone.elapsed());
    until("enough are acknowledged again", LIMIT, || {
        acknowledged.extend(try_to_enqueue(&http));
        (acknowledged.len() > 2 * ENOUGH).then_some(())
    });

    let id = done["id"].as_str().expect("an id");
    assert_eq!(http.task(id), done, "what was final");
    for (what, id) in &acknowledged {
        let task = http.succeeded(id, RECOVERY);
        assert!(
            *what != "echo" || task["result"] == task["args"],
            "{task:#}"
        );
    }
    measured(
        pair,
        &format!(
            "{} ms after the server was killed, and {} ms after its standby was promoted, the next task was taken; all {} \
             acknowledged tasks ended",
            gone.as_millis(),
            back.as_millis(),
            acknowledged.len()
        ),
    );
}

/// The id of one more task, if it was acknowledged.
fn try_to_enqueue(http: &Client) -> Option<(&'static str, String)> {
    let body = json!({"task": "echo", "args": 8, "timeout": "4s"}).to_string();
    let headers = [("content-type", "application/json")];
    let reply = http.try_send("POST", "/v1/tasks", &headers, body.as_bytes());
    let reply = reply.ok().filter(|reply| reply.status != 503)?;
    let task: Value = reply.expect(202).json();
    Some(("echo", task["id"].as_str().expect("an id").to_owned()))
}
