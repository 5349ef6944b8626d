//! What happens to a task, as server-sent events.

use handoff_e2e::{Client, Event, Host, Pair, on, on_every_pair, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

on_every_pair!(
    told_across_connections_and_instances,
    retries_are_told,
    refused_streams
);
on!(Some: alive_while_nothing_happens: local_sqlite LOCAL_SQLITE, spin_redis SPIN_REDIS);
// Only this host says how many instances there may be.
on!(Some: ended_when_the_client_is_gone: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS);

fn path(id: &str) -> String {
    format!("/v1/tasks/{id}")
}

/// Reads events to the end of the task, over as many connections as that takes. Returns them and how many there were.
fn follow(http: &Client, id: &str) -> (Vec<Event>, usize) {
    let mut told: Vec<Event> = Vec::new();
    let limit = Instant::now() + Duration::from_secs(120);
    for connections in 1.. {
        assert!(Instant::now() < limit, "no end: {told:#?}");
        let last = told.last().map(|event| event.id.clone());
        let events = http.events(&path(id), last.as_deref());
        if events.status == 204 {
            return (told, connections);
        }
        assert_eq!(events.status, 200);
        assert_eq!(events.headers["content-type"], "text/event-stream");
        for (i, event) in events.enumerate() {
            assert_eq!(event.retry.is_empty(), i > 0, "{event:?}");
            if !event.name.is_empty() {
                told.push(event);
            }
        }
    }
    unreachable!("the loop has no end")
}

fn data_of<'a>(told: &'a [Event], name: &str) -> Vec<&'a Value> {
    let named = told.iter().filter(|event| event.name == name);
    named.map(|event| &event.data).collect()
}

fn told_across_connections_and_instances(pair: Pair) {
    let host = Host::start(pair, &[("worker_budget", "1s"), ("events_max", "1s")]);
    let http = host.http();
    let below: u64 = 1_000_000_000;
    let id = http.enqueue(&json!({"task": "primes.count", "args": {"below": below}}));
    let (told, connections) = follow(http, &id);
    let task = http.task(&id);
    assert_eq!(task["state"], "succeeded", "{task:#}");
    assert!(connections >= 3, "{connections} connections");

    let ids: BTreeSet<_> = told.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), told.len(), "{told:#?}");
    let last = told.last().expect("events");
    assert_eq!((last.name.as_str(), &last.data), ("end", &task));
    assert_eq!(data_of(&told, "end").len(), 1);

    // Every line once, in order.
    let logs: Vec<_> = task["logs"].as_array().into_iter().flatten().collect();
    assert!(logs.len() >= 3, "{task:#}");
    assert_eq!(logs[0]["message"], "counts primes below 1000000000");
    assert_eq!(data_of(&told, "log"), logs);

    let progress = data_of(&told, "progress");
    let percent: Vec<_> = progress
        .iter()
        .map(|p| p["progress"]["percent"].as_u64())
        .collect();
    assert!(percent.len() >= 2 && percent.is_sorted(), "{percent:?}");
    assert_eq!(percent.last(), Some(&Some(100)));
    let last = progress.last().expect("progress");
    assert_eq!(last["message"], "50847534 primes below 1000000000");
    assert_eq!(task["message"], last["message"]);

    let states = data_of(&told, "state");
    let state = |name| states.iter().filter(|s| s["state"] == name).count();
    // In each part of it anew.
    assert!(state("running") >= 2, "{states:#?}");
    // Who saw the end is told that there is nothing more; who comes late is told what is known.
    assert_eq!(
        http.events(&path(&id), Some(told.last().map_or("", |e| &e.id)))
            .status,
        204
    );
    let (late, connections) = follow(http, &id);
    assert_eq!(connections, 2);
    assert_eq!(data_of(&late, "log"), logs);
    assert_eq!(data_of(&late, "end"), [&task]);
}

fn retries_are_told(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let id = http.enqueue(&json!({
        "task": "fault",
        "args": {"how": "fail", "times": 1},
        "delay": "1s",
        "retry": {"initial": "2s"},
    }));
    let (told, connections) = follow(http, &id);
    assert_eq!(connections, 2);
    let states = data_of(&told, "state");
    assert_eq!(states[0]["state"], "scheduled", "{states:#?}");
    assert!(states[0]["next_at"].is_string(), "{states:#?}");
    let retrying = states.iter().find(|s| s["state"] == "retrying");
    let retrying = retrying.unwrap_or_else(|| panic!("{states:#?}"));
    assert_eq!(retrying["error"], "failed as it was asked to");
    assert_eq!(retrying["attempt"], 1);
    assert_eq!(data_of(&told, "end")[0]["result"], 2);
}

fn refused_streams(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&id, Duration::from_secs(20));
    let stream = ("accept", "text/event-stream");
    let get = |path: &str, headers: &[_]| http.send("GET", path, headers, b"");
    let reply = get(&format!("{}?wait=1s", path(&id)), &[stream]);
    reply.expect_problem(400, "invalid-request", Some("wait"));
    get("/v1/tasks/default-1-00", &[stream]).expect_problem(404, "unknown-task", None);
    let reply = http.send("DELETE", &path(&id), &[stream], b"").expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    for accept in [
        "*/*",
        "application/json",
        "text/html, application/json;q=0.9",
    ] {
        let reply = get(&path(&id), &[("accept", accept)]).expect(200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    // As a browser sends it at first.
    let reply = get(&path(&id), &[stream, ("last-event-id", "")]).expect(200);
    assert!(
        reply.text().contains("event: end\ndata: {"),
        "{}",
        reply.text()
    );
}

fn alive_while_nothing_happens(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo", "delay": "1h"}));
    let asked = Instant::now();
    let mut events = http.events(&path(&id), None);
    let first: Vec<_> = events.by_ref().take(2).collect();
    assert_eq!(first[0].retry, "1000");
    assert_eq!(first[1].data["state"], "scheduled");
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    let comment = events.next().expect("the stream goes on");
    assert!(
        !comment.comment.is_empty() && comment.id.is_empty(),
        "{comment:?}"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(22),
        "{:?}",
        asked.elapsed()
    );
    // Before the host stops it.
    assert_eq!(events.next(), None);
    assert!(
        asked.elapsed() < Duration::from_secs(35),
        "{:?}",
        asked.elapsed()
    );
}

fn ended_when_the_client_is_gone(pair: Pair) {
    let host = Host::start_with(pair, &[("events_max", "1h")], &["--instances-max", "1"]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo", "delay": "1h"}));
    let mut events = until("the stream begins", Duration::from_secs(20), || {
        // The only instance may still see to what was asked before.
        let events = http.events(&path(&id), None);
        (events.status == 200).then_some(events)
    });
    assert!(events.any(|event| event.data["state"] == "scheduled"));
    http.get("/v1/queues").expect_problem(503, "busy", None);
    drop(events);
    until("its instance is free", Duration::from_secs(20), || {
        (http.get("/v1/queues").status == 200).then_some(())
    });
}
