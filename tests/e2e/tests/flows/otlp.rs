//! Spans of attempts, sent to a collector by OTLP over HTTP.

use handoff_e2e::{Answer, Host, Pair, TestServer, on_every_pair, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

on_every_pair!(
    each_attempt_is_a_span_of_the_callers_trace,
    a_collector_that_takes_nothing_holds_up_no_task,
    a_collector_that_never_answers_holds_up_no_task
);

const SOON: Duration = Duration::from_secs(30);
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00";

/// All spans that came, by their ids. A span that comes twice is one.
fn spans(server: &TestServer) -> BTreeMap<String, Value> {
    let mut spans = BTreeMap::new();
    for request in server.received("/v1/traces") {
        assert_eq!(request.method, "POST");
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["x-key"], "hunter2");
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let resource = &body["resourceSpans"][0]["resource"]["attributes"];
        let service = json!([{"key": "service.name", "value": {"stringValue": "shop"}}]);
        assert_eq!(*resource, service);
        let scope = &body["resourceSpans"][0]["scopeSpans"][0];
        for span in scope["spans"].as_array().expect("spans") {
            let id = span["spanId"].as_str().expect("an id").to_owned();
            assert_eq!(id.len(), 16, "{span:#}");
            spans.insert(id, span.clone());
        }
    }
    spans
}

fn attribute(span: &Value, key: &str) -> Option<String> {
    let attributes = span["attributes"].as_array().expect("attributes");
    let found = attributes
        .iter()
        .find(|attribute| attribute["key"] == key)?;
    let mut values = found["value"].as_object().expect("an object").values();
    values.next().and_then(Value::as_str).map(str::to_owned)
}

fn has_times(span: &Value) {
    let nanoseconds = |field: &str| -> u64 {
        let text = span[field].as_str().expect("a text");
        text.parse().expect("a number")
    };
    let (start, end) = (
        nanoseconds("startTimeUnixNano"),
        nanoseconds("endTimeUnixNano"),
    );
    assert!(
        start > 1_700_000_000_000_000_000 && end >= start,
        "{span:#}"
    );
}

fn each_attempt_is_a_span_of_the_callers_trace(pair: Pair) {
    let server = TestServer::start(|request| match (request.path.as_str(), request.nth) {
        ("/broken-once", 1) => Answer::new(500, "out of order"),
        _ => Answer::new(200, "{}"),
    });
    let endpoint = server.url("");
    let variables = [
        ("otlp_endpoint", endpoint.as_str()),
        ("otlp_headers", "x-key=hunter2"),
        ("otlp_service", "shop"),
    ];
    let host = Host::start(pair, &variables);
    let http = host.http();
    let enqueue = |trace: &str, url: String| {
        let retry = json!({"attempts": 2, "initial": "1ms", "max": "1ms"});
        let task = json!({"task": "http.request", "args": {"url": url}, "retry": retry});
        let body = task.to_string();
        let headers = [("content-type", "application/json"), ("traceparent", trace)];
        let reply = http.send("POST", "/v1/tasks", &headers, body.as_bytes());
        let task = reply.expect(202).json();
        task["id"].as_str().expect("an id").to_owned()
    };
    let unsampled = enqueue(UNSAMPLED, server.url("/unsampled"));
    let id = enqueue(SAMPLED, server.url("/broken-once"));
    http.succeeded(&id, SOON);
    http.succeeded(&unsampled, SOON);
    // It is behind the one that is not sampled.
    let last = enqueue(SAMPLED, server.url("/last"));
    let mut spans = until("all spans came", SOON, || {
        let spans = spans(&server);
        let of_last = |span: &&Value| attribute(span, "messaging.message.id") == Some(last.clone());
        let of_last = spans.values().filter(of_last).count();
        (of_last == 2 && spans.len() >= 2 + 3).then_some(spans)
    });
    spans.retain(|_, span| attribute(span, "messaging.message.id") != Some(last.clone()));
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let enqueued = spans.values().find(|span| span["kind"] == 4);
    let enqueued = enqueued.expect("the span of enqueueing");
    assert_eq!(enqueued["traceId"], TRACE_ID);
    assert_eq!(enqueued["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(enqueued["name"], "enqueue default");
    let calls = server.received("/broken-once");
    for (i, call) in calls.iter().enumerate() {
        // The call belongs to the span of its attempt.
        let parent = call.headers["traceparent"]
            .split('-')
            .nth(2)
            .expect("an id");
        let span = &spans[parent];
        assert_eq!(
            (&span["kind"], &span["traceId"]),
            (&json!(5), &json!(TRACE_ID))
        );
        assert_eq!(span["parentSpanId"], enqueued["spanId"]);
        assert_eq!(span["links"][0]["spanId"], enqueued["spanId"]);
        assert_eq!(attribute(span, "messaging.message.id"), Some(id.clone()));
        assert_eq!(
            attribute(span, "handoff.attempt"),
            Some((i + 1).to_string())
        );
        let outcome = ["retries", "succeeded"][i];
        assert_eq!(attribute(span, "handoff.outcome").as_deref(), Some(outcome));
        let failed = i == 0;
        assert_eq!(span["status"]["code"] == 2, failed, "{span:#}");
        has_times(span);
    }
    assert_eq!(calls.len(), 2);
}

fn a_collector_that_takes_nothing_holds_up_no_task(pair: Pair) {
    let server = TestServer::start(|_| Answer::new(503, "full"));
    let endpoint = server.url("");
    let host = Host::start(pair, &[("otlp_endpoint", &endpoint)]);
    let http = host.http();
    let ids: Vec<_> = (0..20)
        .map(|_| http.enqueue(&json!({"task": "echo"})))
        .collect();
    for id in &ids {
        http.succeeded(id, SOON);
    }
    until("it is said", SOON, || {
        let output = host.output();
        output
            .contains("takes no spans: it answered 503")
            .then_some(())
    });
    // They are not sent again.
    let body =
        |request: &handoff_e2e::Received| String::from_utf8_lossy(&request.body).into_owned();
    let bodies: Vec<_> = server.received("/v1/traces").iter().map(body).collect();
    for id in &ids {
        let sent = bodies
            .iter()
            .filter(|body| body.contains(id.as_str()))
            .count();
        assert!(sent <= 2, "{sent} requests name {id}");
    }
}

fn a_collector_that_never_answers_holds_up_no_task(pair: Pair) {
    let (open, closed) = mpsc::channel::<()>();
    let closed = Mutex::new(closed);
    let server = TestServer::start(move |_| {
        // Until the test is over.
        _ = closed.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Answer::new(200, "{}")
    });
    let endpoint = server.url("");
    let variables = [
        ("otlp_endpoint", endpoint.as_str()),
        ("worker_budget", "1s"),
    ];
    let host = Host::start(pair, &variables);
    let http = host.http();
    // Several workers follow each other, and each has spans to send at its end.
    let later = http.enqueue(&json!({"task": "echo", "delay": "3s"}));
    for _ in 0..5 {
        let id = http.enqueue(&json!({"task": "sleep", "args": {"for": "500ms"}}));
        http.succeeded(&id, SOON);
    }
    http.succeeded(&later, SOON);
    until("it is said", SOON, || {
        let output = host.output();
        output.contains("takes no spans: ").then_some(())
    });
    drop(open);
}
