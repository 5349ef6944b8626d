//! W3C trace context: a request that a task sends belongs to the trace of the request that enqueued the task.

use handoff_e2e::{Answer, Client, Host, Pair, Received, Reply, TestServer, on_every_pair};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;

on_every_pair!(
    a_trace_goes_on_with_each_attempt,
    every_task_of_a_batch_has_it,
    a_task_may_have_its_own,
    what_is_no_trace_is_ignored
);

const LIMIT: Duration = Duration::from_secs(20);
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn server() -> TestServer {
    TestServer::start(|request| match (request.path.as_str(), request.nth) {
        ("/broken-twice", ..=2) => Answer::new(500, "out of order"),
        _ => Answer::new(200, "in order"),
    })
}

fn request(url: String, headers: Value) -> Value {
    let retry = json!({"attempts": 3, "initial": "100ms"});
    json!({"task": "http.request", "args": {"url": url, "headers": headers}, "retry": retry})
}

fn post(http: &Client, path: &str, body: &Value, trace: &[(&str, &str)]) -> Reply {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(trace);
    http.send("POST", path, &headers, body.to_string().as_bytes())
}

fn id(task: &Value) -> String {
    task["id"].as_str().expect("an id").to_owned()
}

/// The parent's id in a `traceparent` of the trace.
#[track_caller]
fn parent_id(received: &Received) -> String {
    let parent = &received.headers["traceparent"];
    let parts: Vec<_> = parent.split('-').collect();
    assert_eq!(
        (parts[0], parts[1], parts[3]),
        ("00", TRACE_ID, "01"),
        "{parent}"
    );
    assert_eq!((parts.len(), parts[2].len()), (4, 16), "{parent}");
    assert!(
        u64::from_str_radix(parts[2], 16).is_ok_and(|id| id > 0),
        "{parent}"
    );
    parts[2].to_owned()
}

fn a_trace_goes_on_with_each_attempt(pair: Pair) {
    let host = Host::start(pair, &[]);
    let (http, server) = (host.http(), server());
    let task = request(server.url("/broken-twice"), json!({}));
    let trace = [("traceparent", PARENT), ("tracestate", "vendor=1, other=2")];
    let accepted = post(http, "/v1/tasks", &task, &trace).expect(202).json();
    assert_eq!(accepted["traceparent"], PARENT);
    let task = http.succeeded(&id(&accepted), LIMIT);
    assert_eq!(
        (&task["attempt"], &task["traceparent"]),
        (&json!(3), &json!(PARENT))
    );

    let received = server.received("/broken-twice");
    let parents: HashSet<_> = received.iter().map(parent_id).collect();
    assert_eq!(
        (received.len(), parents.len()),
        (3, 3),
        "each is another parent"
    );
    assert!(!parents.contains("00f067aa0ba902b7"));
    for request in received {
        assert_eq!(request.headers["tracestate"], "vendor=1,other=2");
    }

    let ping = post(http, "/ping", &json!({}), &trace[..1])
        .expect(202)
        .json();
    let path = format!("/v1/tasks/{}", ping["task_id"].as_str().expect("an id"));
    assert_eq!(http.get(&path).json()["traceparent"], PARENT);
}

fn every_task_of_a_batch_has_it(pair: Pair) {
    let host = Host::start(pair, &[]);
    let (http, server) = (host.http(), server());
    let task = |path: &str| request(server.url(path), json!({}));
    let mut later = task("/b");
    later["delay"] = json!("1s");
    let batch = json!({"tasks": [task("/a"), {"task": "unknown"}, later]});
    let reply = post(http, "/v1/tasks:batch", &batch, &[("traceparent", PARENT)]);
    let tasks = reply.expect(202).json()["tasks"].clone();
    for (i, path) in [(0, "/a"), (2, "/b")] {
        assert_eq!(tasks[i]["traceparent"], PARENT);
        http.succeeded(&id(&tasks[i]), LIMIT);
        let received = server.received(path);
        parent_id(&received[0]);
        assert!(!received[0].headers.contains_key("tracestate"));
    }
}

fn a_task_may_have_its_own(pair: Pair) {
    let host = Host::start(pair, &[]);
    let (http, server) = (host.http(), server());
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let task = request(server.url("/own"), json!({"TraceParent": own}));
    let trace = [("traceparent", PARENT), ("tracestate", "vendor=1")];
    let accepted = post(http, "/v1/tasks", &task, &trace).expect(202).json();
    http.succeeded(&id(&accepted), LIMIT);
    let received = server.received("/own");
    assert_eq!(received[0].headers["traceparent"], own);
    assert!(!received[0].headers.contains_key("tracestate"));
}

fn what_is_no_trace_is_ignored(pair: Pair) {
    let host = Host::start(pair, &[]);
    let (http, server) = (host.http(), server());
    let upper = PARENT.to_uppercase();
    let longer = format!("{PARENT}-01");
    let twice = [("traceparent", PARENT); 2];
    let one = |parent| vec![("traceparent", parent), ("tracestate", "vendor=1")];
    let none = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let headers = [
        vec![],
        vec![("tracestate", "vendor=1")],
        twice.to_vec(),
        one(&upper),
        one(&longer),
        one(none),
        one("nonsense"),
        one(""),
    ];
    for (i, headers) in headers.into_iter().enumerate() {
        eprintln!("{headers:?}");
        let path = format!("/{i}");
        let task = request(server.url(&path), json!({}));
        let accepted = post(http, "/v1/tasks", &task, &headers).expect(202).json();
        assert_eq!(accepted.get("traceparent"), None);
        let task = http.succeeded(&id(&accepted), LIMIT);
        assert_eq!(task.get("traceparent"), None);
        let received = &server.received(&path)[0].headers;
        for name in ["traceparent", "tracestate"] {
            assert_eq!(received.get(name), None);
        }
    }
    // A state that is malformed does not concern the trace.
    let task = request(server.url("/stateless"), json!({}));
    let headers = [("traceparent", PARENT), ("tracestate", "nonsense")];
    let accepted = post(http, "/v1/tasks", &task, &headers).expect(202).json();
    http.succeeded(&id(&accepted), LIMIT);
    let received = &server.received("/stateless")[0];
    parent_id(received);
    assert!(!received.headers.contains_key("tracestate"));
}
