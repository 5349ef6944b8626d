//! What is acknowledged can be read back, whatever it is; what can't be is refused, or fails its task.

use handoff_e2e::{Answer, Client, Host, Pair, Received, TestServer, on_every_pair};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(
    numbers_and_order_are_kept,
    nothing_deeper_than_can_be_read,
    headers_that_no_host_sends_are_refused,
    the_worst_bodies_are_answered
);

const SOON: Duration = Duration::from_secs(40);
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const DEPTH_MAX: usize = 64;

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

fn post(http: &Client, path: &str, body: &str) -> handoff_e2e::Reply {
    http.send("POST", path, &JSON, body.as_bytes())
}

/// The id of what was taken.
fn taken(http: &Client, path: &str, body: &str) -> String {
    let reply = post(http, path, body).expect(202);
    let location = reply.header("location").expect("a path");
    location.rsplit('/').next().unwrap_or_default().to_owned()
}

fn numbers_and_order_are_kept(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let args = r#"{"z":123456789012345678901234567890,"a":[1.10,1e400,-0]}"#;
    let id = taken(
        http,
        "/v1/tasks",
        &format!(r#"{{"task":"echo","args":{args}}}"#),
    );
    let path = format!("/v1/tasks/{id}?wait=20s");
    let text = http.get(&path).expect(200).text();
    let begin = format!(
        r#"{{"id":"{id}","state":"succeeded","task":"echo","args":{args},"result":{args},"#
    );
    assert!(text.starts_with(&begin), "{text}");
    let status = http.get(&format!("/status/{id}")).expect(200).text();
    assert_eq!(status, format!(r#"{{"status":"done","result":{args}}}"#));
    let null = taken(
        http,
        "/v1/tasks",
        r#"{"task":"echo","args":null,"priority":null}"#,
    );
    assert_eq!(http.succeeded(&null, SOON)["result"], json!({}));
}

fn deep(request: &Received) -> Answer {
    let levels = request.path.trim_start_matches('/').parse().unwrap_or(0);
    Answer::new(200, &nested(levels))
}

fn nothing_deeper_than_can_be_read(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    for levels in [DEPTH_MAX + 1, 125, 10_000] {
        let args = nested(levels);
        for (path, body, field) in [
            (
                "/v1/tasks",
                format!(r#"{{"task":"echo","args":{args}}}"#),
                "args",
            ),
            (
                "/v1/tasks:batch",
                format!(r#"{{"tasks":[{{"task":"echo","args":{args}}}]}}"#),
                "tasks[0].args",
            ),
            (
                "/v1/workflows",
                format!(r#"{{"chain":[{{"task":"echo","args":{args}}}]}}"#),
                "chain[0].args",
            ),
        ] {
            post(http, path, &body).expect_problem(400, "invalid-request", Some(field));
        }
        let schedule = format!(r#"{{"task":"echo","every":"1h","args":{args}}}"#);
        let put = http.send("PUT", "/v1/schedules/deep", &JSON, schedule.as_bytes());
        put.expect_problem(400, "invalid-request", Some("args"));
    }
    let most = nested(DEPTH_MAX);
    let schedule = format!(r#"{{"task":"echo","every":"1h","args":{most}}}"#);
    http.send("PUT", "/v1/schedules/most", &JSON, schedule.as_bytes())
        .expect(201);
    http.get("/v1/schedules").expect(200);
    let id = taken(
        http,
        "/v1/tasks",
        &format!(r#"{{"task":"echo","args":{most}}}"#),
    );
    http.succeeded(&id, SOON);
    http.get(&format!("/status/{id}")).expect(200);

    let server = TestServer::start(deep);
    for (levels, state) in [
        (DEPTH_MAX - 1, "succeeded"),
        (DEPTH_MAX, "failed"),
        (125, "failed"),
    ] {
        let url = server.url(&format!("/{levels}"));
        let id = http.enqueue(&json!({"task": "http.request", "args": {"url": url}}));
        let task = http.finished(&id, SOON);
        assert_eq!(task["state"], state, "{levels}");
        let error = task["error"].as_str().unwrap_or_default();
        assert!(state == "succeeded" || error.contains("nested"), "{error}");
    }

    // Each step puts what came before one level deeper.
    let mut chain = vec![format!(
        r#"{{"task":"echo","args":{}}}"#,
        nested(DEPTH_MAX - 2)
    )];
    chain.resize(6, r#"{"task":"echo","args":{}}"#.to_owned());
    let id = taken(
        http,
        "/v1/workflows",
        &format!(r#"{{"chain":[{}]}}"#, chain.join(",")),
    );
    let path = format!("/v1/workflows/{id}?wait=20s");
    let workflow = http.get(&path).expect(200).json();
    assert_eq!(workflow["state"], "failed", "{workflow}");
    let error = workflow["error"].as_str().unwrap_or_default();
    assert!(error.contains("nested 65 deep"), "{error}");
    http.get(&format!("/v1/workflows/{id}/tasks")).expect(200);
}

fn headers_that_no_host_sends_are_refused(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let server = TestServer::start(|_| Answer::new(200, "{}"));
    let headers = |count: usize, bytes: usize| -> Value {
        let header = |i| (format!("h{i:04}"), json!("x".repeat(bytes)));
        Value::Object((0..count).map(header).collect())
    };
    let named = |name: &str| json!({ name: "x" });
    for (headers, field) in [
        (headers(1_200, 100), "headers"),
        (headers(100, 1_000), "headers"),
        (headers(1, 140_000), "headers"),
        (named("proxy-authorization"), "headers.proxy-authorization"),
        (named("http2-settings"), "headers.http2-settings"),
    ] {
        let call = json!({"url": server.url("/"), "headers": headers});
        let task = json!({"task": "http.request", "args": call});
        let refused = http.post("/v1/tasks", &task);
        refused.expect_problem(400, "invalid-request", Some(&format!("args.{field}")));
        let refused = http.post("/gather", &json!({"requests": [call]}));
        refused.expect_problem(
            400,
            "invalid-request",
            Some(&format!("requests[0].{field}")),
        );
    }
    let most = json!({"url": server.url("/"), "headers": headers(90, 170)});
    let id = http.enqueue(&json!({"task": "http.request", "args": most}));
    http.succeeded(&id, SOON);
}

/// Of a megabyte each, of what takes the most memory for its size.
fn the_worst_bodies_are_answered(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let many = format!("[{}0]", r#"{"":0},"#.repeat(149_000));
    let args = format!(r#"{{"task":"echo","args":{many}}}"#);
    post(http, "/v1/tasks", &args).expect_problem(413, "too-large", Some("args"));
    let batch = format!(r#"{{"tasks":{many}}}"#);
    post(http, "/v1/tasks:batch", &batch).expect_problem(400, "invalid-request", Some("tasks"));
    let group = format!(r#"{{"group":{many}}}"#);
    post(http, "/v1/workflows", &group).expect_problem(400, "invalid-request", Some("group"));

    let item = format!(
        r#"{{"task":"echo","args":[{}0]}}"#,
        r#"{"":0},"#.repeat(130)
    );
    let batch = format!(r#"{{"tasks":[{}]}}"#, vec![item; 1_000].join(","));
    let taken = post(http, "/v1/tasks:batch", &batch).expect(202).json();
    assert_eq!(taken["tasks"].as_array().map(Vec::len), Some(1_000));
}
