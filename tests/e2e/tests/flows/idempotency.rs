//! Idempotency keys: one task, however often it is asked for.

use handoff_e2e::{Host, Pair, on_every_pair};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::Duration;

on_every_pair!(
    a_hundred_at_once,
    again_after_a_crash,
    what_is_another_request,
    items_of_a_batch
);

fn a_hundred_at_once(pair: Pair) {
    // A host keeps 64 connections to Postgres for a component; more wait for each other.
    let clients = if pair.is_postgres() { 40 } else { 100 };
    let host = Host::start(pair, &[]);
    let http = host.http();
    http.get("/readyz").expect(200);
    let body = json!({"task": "echo", "args": {"x": 1}, "idempotency_key": "a hundred"});
    let replies: Vec<_> = thread::scope(|scope| {
        let ask = || loop {
            let reply = http.post("/v1/tasks", &body);
            // Put off while others are being taken; Spin may also find its SQLite file locked.
            if !matches!(reply.status, 409 | 503) {
                return reply;
            }
            assert_eq!(reply.header("retry-after"), Some("1"), "{}", reply.text());
            // As the answer says, and not all at one moment.
            thread::sleep(Duration::from_millis(
                1_000 + RandomState::new().hash_one(0) % 2_000,
            ));
        };
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|reply| reply.expect("an answer")).collect()
    });
    let ids: BTreeSet<String> = replies
        .iter()
        .map(|reply| {
            let id = reply.json()["id"].as_str().expect("an id").to_owned();
            assert_eq!(
                reply.header("location"),
                Some(format!("/v1/tasks/{id}").as_str())
            );
            id
        })
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    // One that was answered 503 may be the one that enqueued it.
    let created = replies.iter().filter(|reply| reply.status == 202).count();
    assert!(created <= 1, "{created} were told that they enqueued it");
    assert!(replies.iter().all(|r| matches!(r.status, 200 | 202)));
    for id in &ids {
        let task = http.succeeded(id, Duration::from_secs(20));
        assert_eq!(task["attempt"], 1);
    }
    // The other slots that were taken are void: nothing waits for them.
    let next = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&next, Duration::from_secs(20));
}

fn again_after_a_crash(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let body =
        json!({"task": "sleep", "args": {"for": "1s"}, "timeout": "4s", "idempotency_key": "k"});
    let id = host.http().enqueue(&body);
    host.kill9();
    host.restart();
    let again = host.http().post("/v1/tasks", &body).expect(200);
    assert_eq!(again.json()["id"], json!(id));
    let task = host.http().succeeded(&id, Duration::from_secs(60));
    let again = host.http().post("/v1/tasks", &body).expect(200).json();
    assert_eq!(again, task);
}

fn what_is_another_request(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let text = r#"{"task": "echo", "args": {"a": 1, "b": {"c": 2, "d": 3}}, "delay": "60s", "idempotency_key": "k"}"#;
    let same = r#"{"delay":"1m","idempotency_key":"k","args":{"b":{"d":3,"c":2},"a":1},"task":"echo","timeout":"60s"}"#;
    let send = |text: &str| {
        let headers = [("content-type", "application/json")];
        http.send("POST", "/v1/tasks", &headers, text.as_bytes())
    };
    let first = send(text).expect(202).json();
    assert_eq!(send(same).expect(200).json(), first);

    // The key in the header, bare or in quotes, is the same as in the body.
    let mut body: Value = serde_json::from_str(text).expect("JSON");
    body["idempotency_key"].take();
    let with = |key: &str, body: &Value| {
        let headers = [
            ("content-type", "application/json"),
            ("Idempotency-Key", key),
        ];
        http.send("POST", "/v1/tasks", &headers, body.to_string().as_bytes())
    };
    for key in ["k", "\"k\""] {
        assert_eq!(with(key, &body).expect(200).json(), first);
    }
    let both = json!({"task": "echo", "idempotency_key": "one"});
    with("other", &both).expect_problem(400, "invalid-request", Some("idempotency_key"));

    for (field, value) in [
        ("args", json!({"a": 1})),
        ("delay", json!("61s")),
        ("timeout", json!("61s")),
        ("retention", json!("2h")),
        ("retry", json!({"attempts": 2})),
    ] {
        let mut other = body.clone();
        other[field] = value;
        let reused = with("k", &other);
        reused.expect_problem(422, "idempotency-key-reused", Some("idempotency_key"));
    }
    let mut short = body.clone();
    short["idempotency_ttl"] = json!("1m");
    let short = with("k", &short).expect(202).json();
    assert_ne!(
        short["id"], first["id"],
        "another time to live is another key"
    );

    for (wrong, field) in [
        (
            json!({"task": "echo", "idempotency_key": ""}),
            "idempotency_key",
        ),
        (
            json!({"task": "echo", "idempotency_key": "x".repeat(256)}),
            "idempotency_key",
        ),
        (
            json!({"task": "echo", "idempotency_key": "k", "idempotency_ttl": "59s"}),
            "idempotency_ttl",
        ),
        (
            json!({"task": "echo", "idempotency_key": "k", "idempotency_ttl": "31d"}),
            "idempotency_ttl",
        ),
        (
            json!({"task": "echo", "idempotency_ttl": "1h"}),
            "idempotency_ttl",
        ),
    ] {
        let refused = http.post("/v1/tasks", &wrong);
        refused.expect_problem(400, "invalid-request", Some(field));
    }
}

fn items_of_a_batch(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let item = |key: &str, args: u32| json!({"task": "echo", "args": args, "idempotency_key": key});
    let first = http.post("/v1/tasks", &item("a", 1)).expect(202).json();
    let items = json!({"tasks": [item("a", 1), {"task": "echo"}, item("b", 2), item("b", 2), item("a", 2)]});
    let answer = http.post("/v1/tasks:batch", &items).expect(202).json();
    let answers = &answer["tasks"];
    assert_eq!(answers[0]["id"], first["id"]);
    let repeated: Vec<_> = (0..4).map(|i| answers[i]["repeated"].clone()).collect();
    assert_eq!(
        repeated,
        [json!(true), Value::Null, json!(false), json!(true)]
    );
    assert_eq!(answers[3]["id"], answers[2]["id"]);
    assert_ne!(answers[2]["id"], first["id"]);
    assert_eq!(answers[4]["error"]["status"], 422);
    assert_eq!(answers[4]["error"]["field"], "tasks[4].idempotency_key");
    for i in 0..4 {
        let id = answers[i]["id"].as_str().expect("an id");
        http.succeeded(id, Duration::from_secs(20));
    }
    let headers = [
        ("content-type", "application/json"),
        ("Idempotency-Key", "k"),
    ];
    let refused = http.send(
        "POST",
        "/v1/tasks:batch",
        &headers,
        items.to_string().as_bytes(),
    );
    refused.expect_problem(400, "invalid-request", Some("idempotency-key"));
}
