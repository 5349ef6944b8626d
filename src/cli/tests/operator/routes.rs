//! Every call of the API has a command.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use handoff_e2e::{Answer, TestServer};

use crate::{command, run};

/// Calls that have no command, and why.
const LEFT_OUT: [(&str, &str); 5] = [
    (
        "GET /ping",
        "the task of an article, whose command is `enqueue`",
    ),
    ("POST /ping", "the same"),
    ("GET /metrics", "for programs that collect them"),
    ("GET /openapi.json", "for programs that read it"),
    ("GET /v1/queues/{}/history", "for pages that draw it"),
];

/// Commands that make all other calls. The text `ID` is the name of a task, workflow, queue or
/// schedule.
const COMMANDS: [&[&str]; 30] = [
    &["ready"],
    &["ready", "--alive"],
    &["status", "ID"],
    &["enqueue", "echo"],
    &["enqueue", "--batch", "FILE"],
    &["show", "ID"],
    &["cancel", "ID"],
    &["retry", "ID"],
    &["discard", "ID"],
    &["queues"],
    &["queue", "ID"],
    &["list", "--queue=ID"],
    &["failed", "--queue=ID"],
    &["retry", "--queue=ID", "--all", "-y"],
    &["discard", "--queue=ID", "--all", "-y"],
    &["cancel", "--queue=ID", "--all", "-y"],
    &["pause", "ID"],
    &["resume", "ID"],
    &["purge", "ID", "-y"],
    &["workflows", "list", "--queue=ID"],
    &["workflows", "enqueue", "{}"],
    &["workflows", "show", "ID"],
    &["workflows", "cancel", "ID"],
    &["workflows", "tasks", "ID"],
    &["schedules"],
    &["schedules", "show", "ID"],
    &["schedules", "put", "ID", "--task=echo"],
    &["schedules", "pause", "ID"],
    &["schedules", "resume", "ID"],
    &["schedules", "delete", "ID"],
];

/// An answer to any call.
const ANSWER: &str = r#"{"id":"ID","name":"ID","state":"succeeded","status":"ready","paused":false,
    "tasks":[],"workflows":[],"queues":[],"schedules":[],"next":null,"retried":0,"discarded":0,"cancelled":0}"#;

/// The calls in the table of `src/api/src/routes.rs`.
fn routes() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src/routes.rs");
    let text = fs::read_to_string(file).expect("the table");
    let rows = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("route(Method::"));
    let rows = rows.map(|row| {
        let (method, rest) = row.split_once(',').expect("a method");
        let path = rest.split('"').nth(1).expect("a path");
        format!("{} {path}", method.to_uppercase())
    });
    rows.collect()
}

#[test]
fn every_route_has_a_command_or_a_reason() {
    let called = Arc::new(Mutex::new(BTreeSet::new()));
    let server = TestServer::start({
        let called = Arc::clone(&called);
        move |request| {
            let path = request.path.split('?').next().unwrap_or_default();
            let path = path.replace("/ID", "/{}");
            let call = format!("{} {path}", request.method);
            called.lock().expect("a lock").insert(call);
            // Of a workflow `tasks` is a path.
            match path.starts_with("/v1/workflows") && !path.ends_with("/tasks") {
                true => Answer::new(200, &ANSWER.replace("[]", "\"/tasks\"")),
                false => Answer::new(200, ANSWER),
            }
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("batch");
    fs::write(&file, r#"{"task":"echo"}"#).expect("a file");
    let file = file.display().to_string();
    for arguments in COMMANDS {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|word| if *word == "FILE" { &file } else { *word })
            .collect();
        run(command(&server.url(""), &arguments)).done();
    }
    let (called, routes) = (called.lock().expect("a lock"), routes());
    assert!(routes.len() > 20, "{routes:?}");
    let left_out: BTreeSet<_> = LEFT_OUT
        .iter()
        .map(|(call, _)| (*call).to_owned())
        .collect();
    let missing: Vec<_> = routes
        .iter()
        .filter(|call| !called.contains(*call))
        .collect();
    let missing: Vec<_> = missing
        .into_iter()
        .filter(|call| !left_out.contains(*call))
        .collect();
    assert!(missing.is_empty(), "no command calls {missing:?}");
    let unknown: Vec<_> = called.difference(&routes).collect();
    assert!(unknown.is_empty(), "the API has no {unknown:?}");
}
