//! The operator's night: 500 tasks failed, of two kinds and for two reasons.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use handoff_e2e::{Answer, Host, Pair, TestServer, on, until};

use crate::{handoff, handoff_with, words};

on!(Some: an_operator_finds_and_retries_failed_tasks:
    local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

const LIMIT: Duration = Duration::from_secs(60);
const MAILS: usize = 300;
const REPORTS: usize = 200;

/// The batch of the night: mails that a server takes, and reports that take too long.
fn night(server: &TestServer) -> String {
    let mail = |n| {
        let url = server.url(&format!("/mail/{n}"));
        let args = format!(r#"{{"url":"{url}"}}"#);
        format!(r#"{{"task":"http.request","args":{args},"retry":{{"attempts":1}}}}"#)
    };
    let report = r#"{"task":"sleep","args":{"for":"1m"},"timeout":"10ms","retry":{"attempts":1}}"#;
    let mails = (0..MAILS).map(mail);
    let reports = (0..REPORTS).map(|_| report.to_owned());
    mails.chain(reports).collect::<Vec<_>>().join("\n")
}

fn an_operator_finds_and_retries_failed_tasks(pair: Pair) {
    let broken = Arc::new(AtomicBool::new(true));
    let server = TestServer::start({
        let broken = Arc::clone(&broken);
        move |request| match broken.load(Ordering::SeqCst) {
            true => Answer::new(500, &format!("no disk for {}", request.path)),
            false => Answer::new(200, "sent"),
        }
    });
    let host = Host::start(pair, &[]);
    let ids = handoff_with(&host, &["enqueue", "--batch", "-"], &night(&server)).done();
    assert_eq!(ids.lines().count(), MAILS + REPORTS);
    let count = || {
        let would = handoff(&host, &["retry", "--all", "--dry-run"]).done();
        would.ends_with(&format!(
            "would retry {} failed tasks of default\n",
            MAILS + REPORTS
        ))
    };
    until("all tasks failed", LIMIT, || count().then_some(()));

    understand(&host);

    // The server is repaired. Only its tasks run again, and not without an answer.
    broken.store(false, Ordering::SeqCst);
    let only = ["retry", "--task", "http.request"];
    let asked = handoff(&host, &only).ended(2);
    assert!(
        asked.contains("would retry 300 failed tasks of default"),
        "{asked}"
    );
    assert!(asked.contains("--yes"), "{asked}");
    let retried = handoff(&host, &[&only[..], &["--yes"]].concat()).done();
    assert_eq!(retried, "retried 300 failed tasks of default\n");

    // They succeed, and the others are still there.
    let succeeded = || {
        let list = [
            "list",
            "--all",
            "--json",
            "--state",
            "succeeded",
            "--task",
            "http.request",
        ];
        handoff(&host, &list).objects()
    };
    until("the mails are sent", LIMIT, || {
        (succeeded().len() == MAILS).then_some(())
    });
    assert!(succeeded().iter().all(|task| task["retry_of"].is_string()));
    let left = handoff(&host, &["failed"]).done();
    assert!(left.ends_with("200 failed tasks of default\n"), "{left}");
    assert!(!left.contains("http.request"), "{left}");
    let discarded = handoff(&host, &["discard", "--task", "sleep", "-y"]).done();
    assert_eq!(discarded, "discarded 200 failed tasks of default\n");
    assert_eq!(
        handoff(&host, &["failed"]).done(),
        "0 failed tasks of default\n"
    );
}

/// Finds out which tasks failed, why, how many, and since when.
fn understand(host: &Host) {
    let groups = handoff(host, &["failed"]).done();
    let lines: Vec<_> = groups.lines().collect();
    assert_eq!(lines.len(), 4, "{groups}");
    assert_eq!(words(lines[0])[..3], ["COUNT", "QUEUE", "TASK"]);
    let of = |line| words(line)[..3].to_vec();
    assert_eq!(of(lines[1]), ["300", "default", "http.request"], "{groups}");
    assert_eq!(of(lines[2]), ["200", "default", "sleep"], "{groups}");
    assert!(
        lines[1].contains("500") && lines[2].contains("timeout"),
        "{groups}"
    );
    let times = words(lines[1])
        .into_iter()
        .filter(|word| matches!(*word, "ago" | "now"));
    assert_eq!(times.count(), 1, "{groups}");
    assert_eq!(lines[3], "500 failed tasks of default");
    let cause = "overran its timeout of *: stopped after *";
    assert!(lines[2].ends_with(cause), "{groups}");
    let causes = handoff(host, &["failed", "--json", "--by-cause", "-q", "default"]).objects();
    assert_eq!(causes.len(), 2, "{causes:?}");
    assert_eq!(causes[1]["error"], cause);
    assert_eq!(causes[1]["count"], 200);

    // The cause finds them again, and a mistyped kind finds nothing and says so.
    let dry = ["retry", "--error", cause, "--since", "1h", "--dry-run"];
    let would = handoff(host, &dry).done();
    assert!(
        would.ends_with("\nwould retry 200 failed tasks of default\n"),
        "{would}"
    );
    let wrong = handoff(host, &["retry", "--task", "http.reqest", "-y"]).ended(1);
    let said =
        "no failed task of default is of the kind http.reqest; there are: http.request, sleep";
    assert!(wrong.contains(said), "{wrong}");
    let wrong = handoff(host, &["discard", "--error", "overran", "--dry-run"]).ended(1);
    assert!(wrong.contains("no failed task of default fits"), "{wrong}");

    // What is one of them about?
    let mut words = words(lines[1]).into_iter();
    let id = words
        .find(|word| word.starts_with("default-"))
        .expect("an id");
    let shown = handoff(host, &["show", id]).done();
    assert!(
        shown.contains("http.request") && shown.contains("500"),
        "{shown}"
    );
}
