//! Failed tasks: listed with every attempt's error, retried, and taken off the list.

use handoff_e2e::{Client, Host, Pair, on_every_pair, until};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

on_every_pair!(
    listed_page_by_page,
    retried_once_however_often_it_is_asked_for,
    all_of_a_queue
);

const VARIABLES: [(&str, &str); 2] = [("queues", "default emails"), ("fault_tasks", "true")];
const SOON: Duration = Duration::from_secs(20);

/// A task that fails for good after so many attempts.
fn failing(attempts: u32) -> Value {
    let retry = json!({"attempts": attempts, "initial": "10ms"});
    json!({"task": "fault", "args": {"how": "fail"}, "retry": retry})
}

fn fails(http: &Client, id: &str) -> Value {
    until("it has failed", SOON, || {
        let task = http.task(id);
        (task["state"] == "failed").then_some(task)
    })
}

/// All ids in the list, and how many pages they are on.
fn list(http: &Client, queue: &str, limit: u32) -> (Vec<String>, usize) {
    let mut path = format!("/v1/queues/{queue}/tasks?state=failed&limit={limit}");
    let (mut ids, mut pages) = (Vec::new(), 0);
    loop {
        let page = http.get(&path).expect(200).json();
        let tasks = page["tasks"].as_array().expect("a list");
        assert!(tasks.len() <= limit as usize, "{page:#}");
        ids.extend(
            tasks
                .iter()
                .filter_map(|t| t["id"].as_str().map(str::to_owned)),
        );
        pages += 1;
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return (ids, pages),
        }
    }
}

fn listed_page_by_page(pair: Pair) {
    let mut host = Host::start(pair, &VARIABLES);
    let http = host.http();
    let done = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&done, SOON);
    let mut ids = Vec::new();
    for attempts in 1..=5 {
        let id = http.enqueue(&failing(attempts));
        fails(http, &id);
        ids.insert(0, id);
    }
    host.restart();
    let http = host.http();
    let (listed, pages) = list(http, "default", 2);
    assert_eq!((listed, pages), (ids.clone(), 3));
    let (other, _) = list(http, "emails", 2);
    assert!(other.is_empty(), "{other:?}");

    let path = "/v1/queues/default/tasks";
    let page = http.get(&format!("{path}?state=failed")).expect(200).json();
    let last = &page["tasks"][0];
    assert_eq!(*last, http.task(&ids[0]), "as it is shown by its id");
    let errors = last["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 5, "{last:#}");
    assert_eq!(errors[0]["error"], "failed as it was asked to");

    for (query, field) in [
        ("?state=dead", "state"),
        ("?from=x", "from"),
        ("?text=", "text"),
        ("?state=failed&limit=0", "limit"),
        ("?state=failed&limit=101", "limit"),
        ("?state=failed&from=x", "from"),
        ("?state=failed&after=1", "after"),
    ] {
        let reply = http.get(&format!("{path}{query}"));
        reply.expect_problem(400, "invalid-request", Some(field));
    }
    let fax = http.get("/v1/queues/fax/tasks?state=failed");
    fax.expect_problem(404, "unknown-queue", None);
    http.post(path, &json!({})).expect(405);
}

fn retried_once_however_often_it_is_asked_for(pair: Pair) {
    const CLIENTS: usize = 10;
    let host = Host::start(pair, &VARIABLES);
    let http = host.http();
    // Breaks in its first attempt, and has no other: retried, it breaks as well.
    let body = json!({
        "task": "fault", "args": {"how": "fail", "times": 1}, "queue": "emails",
        "retry": {"attempts": 1}, "timeout": "30s", "retention": "2h",
    });
    let old = http.enqueue(&body);
    fails(http, &old);
    let path = format!("/v1/tasks/{old}/retry");
    let replies: Vec<_> = thread::scope(|scope| {
        let ask = || loop {
            let reply = http.post(&path, &json!({}));
            // Put off while others are being taken; Spin may also find its SQLite file locked.
            if !matches!(reply.status, 409 | 503) {
                return reply;
            }
            assert_eq!(reply.header("retry-after"), Some("1"), "{}", reply.text());
            thread::sleep(Duration::from_millis(50));
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        let replies = clients.into_iter().map(|client| client.join());
        replies
            .map(|reply| reply.expect("it was answered"))
            .collect()
    });
    let new = replies[0].json()["id"].as_str().expect("an id").to_owned();
    assert_ne!(new, old);
    for reply in &replies {
        assert!(matches!(reply.status, 200 | 202), "{}", reply.text());
        assert_eq!(reply.json()["id"], json!(new));
        assert_eq!(
            reply.header("location"),
            Some(format!("/v1/tasks/{new}").as_str())
        );
    }
    let again = fails(http, &new);
    let before = http.task(&old);
    assert_eq!(again["retry_of"], json!(old));
    assert_eq!(before["retry_of"], Value::Null);
    assert_eq!(before["retried_as"], json!(new));
    assert_eq!(again["retried_as"], Value::Null);
    for field in [
        "task",
        "args",
        "queue",
        "timeout",
        "retention",
        "attempts_max",
    ] {
        assert_eq!(again[field], before[field], "{field}");
    }
    assert_eq!(before["state"], "failed");
    assert_eq!(list(http, "emails", 10).0, std::slice::from_ref(&new));
    http.post(&path, &json!({})).expect(200);

    let discarded = http.post(&format!("/v1/tasks/{new}/discard"), &json!({}));
    assert_eq!(discarded.expect(200).json(), again);
    assert!(list(http, "emails", 10).0.is_empty());
    assert_eq!(http.task(&new), again);

    let done = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&done, SOON);
    for what in ["retry", "discard"] {
        let reply = http.post(&format!("/v1/tasks/{done}/{what}"), &json!({}));
        reply.expect_problem(409, "not-failed", None);
        assert!(reply.text().contains("succeeded"), "{}", reply.text());
        let unknown = format!("/v1/tasks/default-1-0123456789abcdef01234567/{what}");
        http.post(&unknown, &json!({}))
            .expect_problem(404, "unknown-task", None);
        http.get(&unknown).expect(405);
    }
}

/// Repeats a call about all failed tasks until there are no more. Returns how many it was about.
fn sweep(http: &Client, call: &str, done: &str) -> u64 {
    let mut path = format!("/v1/queues/emails/{call}");
    let mut count = 0;
    loop {
        let reply = http.post(&path, &json!({}));
        if reply.status == 503 {
            continue; // Spin may find its SQLite file locked.
        }
        let answer = reply.expect(200).json();
        count += answer[done].as_u64().expect("a number");
        assert_eq!(answer["more"], answer["next"].is_string(), "{answer:#}");
        match answer["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return count,
        }
    }
}

fn all_of_a_queue(pair: Pair) {
    let mut host = Host::start(pair, &VARIABLES);
    let http = host.http();
    let tasks = vec![failing(1); 30];
    let batch = json!({"queue": "emails", "tasks": tasks});
    let answer = http.post("/v1/tasks:batch", &batch).expect(202).json();
    let entries = answer["tasks"].as_array().expect("a list");
    let old: Vec<_> = entries
        .iter()
        .filter_map(|task| task["id"].as_str())
        .collect();
    let listed = |http: &Client| list(http, "emails", 100).0;
    until("all have failed", SOON, || {
        (listed(http).len() == 30).then_some(())
    });

    assert_eq!(sweep(http, "retry-failed", "retried"), 30);
    let all = until("all have failed again", SOON, || {
        let all = listed(http);
        (all.len() == 30).then_some(all)
    });
    for id in &all {
        let of = http.task(id)["retry_of"].clone();
        assert!(old.iter().any(|id| of == json!(id)), "{id} retries {of}");
    }
    assert_eq!(sweep(http, "discard-failed", "discarded"), 30);
    assert!(listed(http).is_empty());
    assert_eq!(sweep(http, "retry-failed", "retried"), 0);
    host.restart();
    let http = host.http();
    assert!(listed(http).is_empty());
    assert_eq!(http.task(&all[0])["state"], "failed");
    assert_eq!(http.task(old[0])["state"], "failed");
    http.get("/v1/queues/emails/retry-failed").expect(405);
    let reply = http.post("/v1/queues/emails/retry-failed?state=failed", &json!({}));
    reply.expect_problem(400, "invalid-request", Some("state"));
}
