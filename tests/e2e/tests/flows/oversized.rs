//! What is too large: bodies, whether that is announced or found out, arguments and results.

use crate::unchanged::changes_nothing;
use handoff_e2e::{
    Answer, Client, Connection, Host, Pair, Reply, TestServer, exchange, on_every_pair, time_ms,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

on_every_pair!(
    oversized_bodies,
    oversized_arguments,
    oversized_results,
    many_large_ones_wait,
    limits_are_variables,
    bodies_in_pieces
);

const LIMIT: Duration = Duration::from_secs(20);
/// What arguments and results may have, unless variables say otherwise.
const VALUE_MAX: usize = 256 << 10;

fn oversized_bodies(pair: Pair) {
    const MAX: usize = 1 << 20;
    let host = Host::start(pair, &[]);
    let address = host.address();
    changes_nothing(&host, |_| {
        for path in ["/v1/tasks", "/v1/tasks:batch", "/gather"] {
            // Announced, and never sent.
            announced(address, path, MAX + 1, b"").expect_problem(413, "too-large", None);
            announced(address, path, usize::MAX / 2, b"{").expect_problem(413, "too-large", None);
            // Sent in chunks, without a word about how many come.
            chunked(address, path, MAX + 1).expect_problem(413, "too-large", None);
        }
        // As much as is allowed is read, and found to be no JSON.
        let spaces = vec![b' '; MAX];
        announced(address, "/v1/tasks", MAX, &spaces).expect_problem(400, "invalid-request", None);
        chunked(address, "/v1/tasks", MAX).expect_problem(400, "invalid-request", None);
    });
    // Large, valid, and within the limit.
    let http = host.http();
    let args = "x".repeat(200_000);
    let id = http.enqueue(&json!({"task": "echo", "args": args}));
    let task = http.succeeded(&id, Duration::from_secs(20));
    assert_eq!(task["result"], args);
}

/// A text that has so many bytes as JSON.
fn text(bytes: usize) -> Value {
    let text = json!("x".repeat(bytes - 2));
    assert_eq!(text.to_string().len(), bytes);
    text
}

fn echo(bytes: usize) -> Value {
    json!({"task": "echo", "args": text(bytes)})
}

/// The problem is about the field, and says how much it has and how much is taken.
#[track_caller]
fn assert_too_large(problem: &Value, field: &str, bytes: usize, max: usize) {
    assert_eq!(problem["status"], 413, "{problem}");
    assert_eq!(problem["type"], "urn:handoff:problem:too-large");
    assert_eq!(problem["field"], field, "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default();
    for number in [bytes, max] {
        assert!(detail.contains(&number.to_string()), "{detail}");
    }
}

fn oversized_arguments(pair: Pair) {
    let host = Host::start(pair, &[]);
    let over = VALUE_MAX + 1;
    changes_nothing(&host, |host| {
        let reply = host.http().post("/v1/tasks", &echo(over));
        reply.expect_problem(413, "too-large", Some("args"));
        assert_too_large(&reply.json(), "args", over, VALUE_MAX);
        let all = json!({"tasks": [echo(over), {"task": "unknown"}]});
        let reply = host.http().post("/v1/tasks:batch", &all);
        reply.expect_problem(413, "too-large", Some("tasks[0].args"));
    });
    let http = host.http();
    let batch = json!({"tasks": [echo(over), echo(VALUE_MAX), echo(over)]});
    let reply = http.post("/v1/tasks:batch", &batch).expect(202).json();
    for i in [0, 2] {
        let field = format!("tasks[{i}].args");
        assert_too_large(&reply["tasks"][i]["error"], &field, over, VALUE_MAX);
    }
    // As much as is allowed is run, and as much is returned.
    let id = reply["tasks"][1]["id"].as_str().expect("an id").to_owned();
    for id in [id, http.enqueue(&echo(VALUE_MAX))] {
        assert_eq!(http.succeeded(&id, LIMIT)["result"], text(VALUE_MAX));
    }
}

/// The task failed at its first attempt, since another one would return as much.
#[track_caller]
fn assert_returned_too_much(http: &Client, id: &str, bytes: usize, max: usize) {
    let task = http.finished(id, LIMIT);
    assert_eq!(task["state"], "failed");
    assert_eq!(task["attempt"], 1);
    let error = format!("it returned {bytes} bytes of JSON; {max} are allowed");
    assert_eq!(task["error"], error);
    let status = http.get(&format!("/status/{id}")).expect(200).json();
    assert_eq!(status, json!({"status": "failed", "error": error}));
}

fn oversized_results(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let around = json!({"status": 200, "body": ""}).to_string().len();
    let server = TestServer::start(move |request| {
        let bytes = request.path.trim_start_matches('/').parse::<usize>();
        let bytes = bytes.expect("a number of bytes") - around;
        Answer::new(200, &"x".repeat(bytes))
    });
    let answered = |bytes: usize| {
        let args = json!({"url": server.url(&format!("/{bytes}"))});
        http.enqueue(&json!({"task": "http.request", "args": args}))
    };
    let (fits, over) = (answered(VALUE_MAX), answered(VALUE_MAX + 1));
    let task = http.succeeded(&fits, LIMIT);
    assert_eq!(task["result"].to_string().len(), VALUE_MAX);
    assert_returned_too_much(http, &over, VALUE_MAX + 1, VALUE_MAX);
}

fn limits_are_variables(pair: Pair) {
    let variables = [("args_max_bytes", "300"), ("result_max_bytes", "200")];
    let host = Host::start(pair, &variables);
    let http = host.http();
    let [fits, over, most] = [200, 201, 300].map(|bytes| http.enqueue(&echo(bytes)));
    assert_eq!(http.succeeded(&fits, LIMIT)["result"], text(200));
    assert_returned_too_much(http, &over, 201, 200);
    assert_returned_too_much(http, &most, 300, 200);
    let reply = http.post("/v1/tasks", &echo(301));
    assert_too_large(&reply.json(), "args", 301, 300);

    let host = Host::start(pair, &[("args_max_bytes", "much")]);
    // A body of at most 256 bytes needs no limit.
    host.http().enqueue(&echo(10));
    let padded = |bytes: usize| format!("{:bytes$}", r#"{"task":"echo"}"#);
    for (bytes, status) in [(256, 202), (257, 500)] {
        let body = padded(bytes);
        let json = [("content-type", "application/json")];
        let reply = host
            .http()
            .send("POST", "/v1/tasks", &json, body.as_bytes());
        assert_eq!(reply.status, status, "{bytes}: {}", reply.text());
    }
    let reply = host.http().post("/v1/tasks", &echo(300));
    reply.expect_problem(500, "misconfigured", None);
    assert!(reply.text().contains("args_max_bytes"), "{}", reply.text());
}

/// However a body arrives, it is read to its end and no further.
fn bodies_in_pieces(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    // The head has reached the component when others are answered.
    let between = || _ = http.get("/healthz").expect(200);
    let small = r#"{"task":"echo","args":[1,2]}"#;
    let large = format!("{:300}", small);
    for body in [small, large.as_str()] {
        let length = format!("content-length: {}", body.len());
        let whole = head("/v1/tasks", &length);
        let (first, second) = body.as_bytes().split_at(9);
        let chunks = "transfer-encoding: chunked";
        let chunk =
            |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
        let (one, two) = (chunk(first), chunk(second));
        let in_chunks = head("/v1/tasks", chunks);
        let mut connection = Connection::open(host.address());
        for pieces in [
            &[&whole[..], first, second][..],
            &[&in_chunks[..], &one, &two, b"0\r\n\r\n"],
            // And once more on the same connection: nothing was left of the others.
            &[&whole[..], body.as_bytes()],
        ] {
            let reply = connection.pieces(pieces, between);
            assert_eq!(reply.status, 202, "{}", reply.text());
            let id = reply.json()["id"].as_str().expect("an id").to_owned();
            assert_eq!(http.succeeded(&id, LIMIT)["result"], json!([1, 2]));
        }
    }
}

fn head(path: &str, length: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{length}\r\n\r\n").into()
}

fn announced(address: SocketAddr, path: &str, length: usize, body: &[u8]) -> Reply {
    let mut request = head(path, &format!("content-length: {length}"));
    request.extend(body);
    exchange(address, &request).expect("an answer")
}

fn chunked(address: SocketAddr, path: &str, length: usize) -> Reply {
    let mut request = head(path, "transfer-encoding: chunked");
    let spaces = vec![b' '; length];
    for chunk in spaces.chunks(10_000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    exchange(address, &request).expect("an answer")
}

/// However many large tasks wait, an instance takes as many as it has memory for, and none is lost.
fn many_large_ones_wait(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    http.post("/v1/queues/default/pause", &json!({}))
        .expect(200);
    let args = vec![json!({"": 0}); 31_000];
    let enqueue = |_| http.enqueue(&json!({"task": "echo", "args": args}));
    let ids: Vec<_> = (0..48).map(enqueue).collect();
    http.post("/v1/queues/default/resume", &json!({}))
        .expect(200);
    for id in &ids {
        let task = http.succeeded(id, LIMIT);
        assert_eq!(task["result"].as_array().map(Vec::len), Some(31_000));
        // What was lost runs again only when it was silent for longer.
        let took_ms = time_ms(&task, "ended_at") - time_ms(&task, "enqueued_at");
        assert!(took_ms < 60_000, "{took_ms}");
    }
    let output = host.output();
    assert!(!output.contains("wasm trap"), "{output}");
}
