//! Each command once.

use std::fs;
use std::time::Duration;

use handoff_e2e::{Host, Pair, on, until};
use serde_json::{Value, json};

use crate::{handoff, handoff_with, words};

on!(Some: tasks: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: arguments_and_batches: local_sqlite LOCAL_SQLITE);
on!(Some: queues: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: failed_tasks_of_other_queues_are_named: local_sqlite LOCAL_SQLITE);
on!(Some: schedules_and_workflows: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

fn tasks(pair: Pair) {
    let host = Host::start(pair, &[]);
    let id = handoff(&host, &["enqueue", "echo", r#"{"a":1e2}"#, "--key", "ada"]).done();
    let id = id.trim_end();
    let watched = handoff(&host, &["watch", id]).done();
    assert!(watched.ends_with("succeeded: {\"a\":1e2}\n"), "{watched}");
    assert_eq!(
        handoff(&host, &["status", id]).done(),
        "done: {\"a\":1e2}\n"
    );
    let shown = handoff(&host, &["show", id]).done();
    assert!(shown.contains("key        ada\n"), "{shown}");
    let object = handoff(&host, &["show", id, "--json"]).done();
    assert_eq!(
        object.trim_end(),
        host.http().get(&format!("/v1/tasks/{id}")).text()
    );

    let slow = [
        "enqueue",
        "sleep",
        r#"{"for":"10m"}"#,
        "--timeout",
        "1h",
        "--wait=100ms",
    ];
    let late = handoff(&host, &slow).ended(4);
    assert!(late.contains("after 100 ms"), "{late}");
    let long = [r#"{"for":"1m"}"#, "--timeout=10ms", "--attempts=1"];
    let failing = [&["enqueue", "sleep", "--wait"], &long[..]].concat();
    assert!(handoff(&host, &failing).ended(1).contains("timeout"));

    let failing = handoff(&host, &[&["enqueue", "sleep"], &long[..]].concat()).done();
    let watched = handoff(&host, &["watch", failing.trim_end()]);
    assert!(
        watched.stdout.contains("failed: overran"),
        "{}",
        watched.stdout
    );
    assert_eq!(watched.status, 1);
    let retried = handoff(&host, &["retry", failing.trim_end()]).done();
    let anew = *words(&retried).last().expect("an id");
    assert_eq!(handoff(&host, &["watch", anew]).status, 1);
    let discarded = handoff(&host, &["discard", anew]).done();
    assert_eq!(discarded, format!("{anew}: discarded\n"));

    let list = handoff(&host, &["list", "--limit", "2"]).done();
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(list.contains("2 tasks of default, searched"), "{list}");
    let newest = handoff(&host, &["list", "--json", "--limit=1", "--key=ada"]).objects();
    assert_eq!(newest[0]["id"], id);
    let running = handoff(&host, &["cancel", "--state=running", "--dry-run"]).done();
    assert_eq!(running, "would cancel 1 open task of default\n");
    let running = handoff(&host, &["cancel", "--task=sleep", "-y", "--json"]).done();
    assert_eq!(running, "{\"cancelled\":1}\n");
    let delayed = handoff(&host, &["enqueue", "echo", "--delay", "1h"]).done();
    let cancelled = handoff(&host, &["cancel", delayed.trim_end()]).done();
    assert_eq!(cancelled, format!("{}: cancelled\n", delayed.trim_end()));
}

fn arguments_and_batches(pair: Pair) {
    let host = Host::start(pair, &[]);
    let waited = ["enqueue", "echo", "-", "--wait=30s", "--priority", "high"];
    assert_eq!(handoff_with(&host, &waited, "[1]").done(), "[1]\n");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("args.json");
    fs::write(&file, "[\"from a file\"]").expect("a file");
    let from = format!("@{}", file.display());
    let echoed = handoff(&host, &["enqueue", "echo", &from, "--wait=30s"]).done();
    assert_eq!(echoed, "[\"from a file\"]\n");
    let lines = "{\"task\":\"echo\",\"args\":1}\n\n{\"task\":\"nope\"}\n[1]\n";
    let batch = handoff_with(&host, &["enqueue", "--batch", "-"], lines);
    assert_eq!(batch.stdout.lines().count(), 1);
    let refused = batch.ended(1);
    assert!(refused.contains("line 3: 400 invalid-request"), "{refused}");
    assert!(refused.contains("line 4: no JSON object"), "{refused}");
    assert!(refused.contains("2 lines refused, 1 enqueued"), "{refused}");
    let none = handoff_with(&host, &["enqueue", "--batch", "-"], "{\"task\":\"nope\"}").ended(1);
    assert!(none.contains("lines 1 to 1: 400 invalid-request"), "{none}");
}

fn queues(pair: Pair) {
    let host = Host::start(pair, &[("queues", "emails")]);
    let queues = handoff(&host, &["queues"]).done();
    let lines: Vec<_> = queues.lines().map(words).collect();
    assert_eq!(lines[1][..2], ["default", "0"]);
    assert_eq!(lines[2][..2], ["emails", "0"]);
    assert_eq!(
        handoff(&host, &["pause", "emails"]).done(),
        "emails: paused, 0 waiting\n"
    );
    handoff(&host, &["enqueue", "echo", "--queue", "emails"]).done();
    let queue = handoff(&host, &["queue", "emails"]).done();
    assert!(queue.contains("state         paused\n"), "{queue}");
    assert!(queue.contains("waiting       1\n"), "{queue}");
    let object = handoff(&host, &["queue", "emails", "--json"]).objects();
    assert_eq!(object[0]["name"], "emails");
    let asked = handoff(&host, &["purge", "emails"]).ended(2);
    assert!(asked.contains("cancel 1 waiting task of emails"), "{asked}");
    let purged = handoff(&host, &["purge", "emails", "--yes"]).done();
    assert!(purged.starts_with("emails: 1 cancelled"), "{purged}");
    assert!(
        handoff(&host, &["resume", "emails"])
            .done()
            .starts_with("emails: resumed")
    );
    assert_eq!(handoff(&host, &["ready"]).done(), "ready\n");
    assert_eq!(handoff(&host, &["ready", "--alive"]).done(), "alive\n");
    // Two looks: heads once, since nobody looks at a terminal.
    let top = handoff(&host, &["top", "--every=10ms", "--count=2"]).done();
    let names: Vec<_> = top.lines().map(|line| words(line)[0]).collect();
    assert_eq!(names, ["QUEUE", "default", "emails", "default", "emails"]);
    let script = handoff(&host, &["completions", "bash"]).done();
    assert!(script.contains("handoff") && script.contains("retry"));
}

fn failed_tasks_of_other_queues_are_named(pair: Pair) {
    let host = Host::start(pair, &[("queues", "emails")]);
    let late = r#"{"task":"sleep","args":{"for":"1m"},"timeout":"10ms","retry":{"attempts":1}}"#;
    let batch = [late; 3].join("\n");
    handoff_with(&host, &["enqueue", "--batch", "-", "-q", "emails"], &batch).done();
    let dry = ["discard", "--all", "--dry-run"];
    until("all failed", Duration::from_secs(40), || {
        let said = handoff(&host, &dry).done();
        said.ends_with("\n3 more in emails: --queue emails\n")
            .then_some(())
    });
    let cause = ["retry", "--error", "overran its timeout of *"];
    let refused = handoff(&host, &cause).ended(1);
    assert!(
        refused.contains("; 3 fit in emails: --queue emails"),
        "{refused}"
    );
    let other = handoff(&host, &["retry", "--error", "answered *"]).ended(1);
    assert!(!other.contains("emails"), "{other}");
    let there = [&cause[..], &["--queue", "emails", "--yes"]].concat();
    assert_eq!(
        handoff(&host, &there).done(),
        "retried 3 failed tasks of emails\n"
    );
}

fn schedules_and_workflows(pair: Pair) {
    let host = Host::start(pair, &[]);
    let put = r#"{"task":"echo","args":[1],"cron":"30 6 * * *"}"#;
    let shown = handoff(
        &host,
        &[
            "schedules",
            "put",
            "nightly",
            put,
            "--timezone=Europe/Berlin",
        ],
    );
    assert!(shown.done().contains("30 6 * * * Europe/Berlin\n"));
    let object = handoff(&host, &["schedules", "show", "nightly", "--json"]).done();
    handoff_with(&host, &["schedules", "put", "nightly", "-"], &object).done();
    let list = handoff(&host, &["schedules"]).done();
    assert_eq!(
        words(list.lines().nth(1).expect("a schedule"))[0],
        "nightly"
    );
    for (what, done, is_shown) in [("pause", "paused", true), ("resume", "resumed", false)] {
        let told = handoff(&host, &["schedules", what, "nightly"]).done();
        assert_eq!(told, format!("nightly: {done}\n"));
        for look in [&["schedules"][..], &["schedules", "show", "nightly"]] {
            let shown = handoff(&host, look).done();
            assert_eq!(shown.contains("paused"), is_shown, "{shown}");
        }
    }
    assert_eq!(
        handoff(&host, &["schedules", "delete", "nightly"]).done(),
        "nightly: deleted\n"
    );
    let gone = handoff(&host, &["schedules", "delete", "nightly"]).ended(1);
    assert!(gone.contains("unknown-schedule"), "{gone}");

    let chord = r#"{"group":{"task":"echo","each":[1,2]},"then":{"task":"echo"}}"#;
    let result = handoff(&host, &["workflows", "enqueue", chord, "--wait=30s"]).done();
    assert_eq!(result, "{\"results\":[1,2]}\n");
    let long = r#"{"chain":[{"task":"sleep","args":{"for":"10m"},"timeout":"1h"}]}"#;
    let id = handoff(&host, &["workflows", "enqueue", long]).done();
    let id = id.trim_end();
    let shown = handoff(&host, &["workflows", "show", id]).done();
    assert!(shown.contains("0 of 1 succeeded"), "{shown}");
    let list = handoff(&host, &["workflows"]).done();
    let newest = words(list.lines().nth(1).expect("a workflow"));
    assert_eq!(newest[0], id);
    assert!(
        list.ends_with("2 workflows of default: that is all\n"),
        "{list}"
    );
    let first = handoff(&host, &["workflows", "list", "--limit=1"]).done();
    assert!(
        first.contains("1 workflow of default; there are more"),
        "{first}"
    );
    let list = handoff(&host, &["workflows", "list", "--limit=1", "--json"]).objects();
    assert_eq!((list.len(), &list[0]["id"]), (1, &json!(id)));
    let tasks = handoff(&host, &["workflows", "tasks", id, "--json"]).objects();
    assert_eq!(tasks.len(), 1);
    assert_eq!(
        (&tasks[0]["step"], &tasks[0]["index"]),
        (&json!(0), &json!(0))
    );
    let table = handoff(&host, &["workflows", "tasks", id]).done();
    assert_eq!(table.lines().count(), 2, "{table}");
    let cancelled = handoff(&host, &["workflows", "cancel", id, "--json"]).objects();
    assert_eq!(cancelled[0]["id"], id);
    let state: &Value = &cancelled[0]["state"];
    assert!(state.is_string(), "{state}");
}
