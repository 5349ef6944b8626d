//! Tasks that a handler runs.

mod answers;
mod inside;
mod wrong;

use handoff_e2e::{Answer, Host, Pair, Received, TestServer, on_every_pair, until};
use handoff_wire::WebhookSecrets;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

on_every_pair!(
    progress_is_seen_while_it_works,
    a_cancelled_task_closes_the_connection,
    it_is_called_again_after_a_crash,
    it_may_take_longer_than_a_worker_works,
    others_are_convinced_by_a_signature,
    only_what_is_handled_is_taken
);

const LIMIT: Duration = Duration::from_secs(60);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A host on which this server handles all kinds that begin with `a.`, at the path of the kind.
fn start(pair: Pair, server: &TestServer, variables: &[(&str, &str)]) -> Host {
    let kinds = ["result", "retry", "parts", "later", "problem", "elsewhere"];
    let handlers: serde_json::Map<_, _> = kinds
        .iter()
        .map(|kind| {
            (
                format!("a.{kind}"),
                json!({"url": server.url(&format!("/{kind}"))}),
            )
        })
        .chain([(
            "b.*".to_owned(),
            json!({"url": server.url("/b"), "timeout": "90s", "retry": {"attempts": 1}}),
        )])
        .collect();
    let handlers = Value::Object(handlers).to_string();
    Host::start(
        pair,
        &[&[("handlers", handlers.as_str())], variables].concat(),
    )
}

fn sent(request: &Received) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

/// The task's first error.
fn error(task: &Value) -> &str {
    task["errors"][0]["error"].as_str().unwrap_or_default()
}

fn progress_is_seen_while_it_works(pair: Pair) {
    let seen = Arc::new(AtomicBool::new(false));
    let server = TestServer::start({
        let seen = seen.clone();
        move |_| {
            let seen = seen.clone();
            Answer::streamed(200, move |out| {
                out.write_all(
                    b"{\"progress\": 0.4, \"message\": \"half\"}\n{\"log\": \"a line\"}\n{\"lo",
                )?;
                while !seen.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(10));
                }
                out.write_all(b"g\": \"another\"}\n\n{\"result\": {\"pages\": 3}}\n")
            })
            .header("content-type", "application/x-ndjson")
        }
    });
    let host = start(pair, &server, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "a.result"}));
    let task = until("its progress is seen", LIMIT, || {
        Some(http.task(&id)).filter(|task| task["progress"] == json!(0.4))
    });
    assert_eq!(
        (&task["state"], &task["message"]),
        (&json!("running"), &json!("half"))
    );
    seen.store(true, Ordering::SeqCst);
    let task = http.succeeded(&id, LIMIT);
    assert_eq!(task["result"], json!({"pages": 3}));
    let logs = task["logs"].as_array().expect("logs");
    let lines: Vec<_> = logs.iter().map(|log| log["message"].as_str()).collect();
    assert_eq!(lines, [Some("a line"), Some("another")]);
}

fn a_cancelled_task_closes_the_connection(pair: Pair) {
    let closed = Arc::new(AtomicBool::new(false));
    let server = TestServer::start({
        let closed = closed.clone();
        move |_| {
            let closed = closed.clone();
            Answer::streamed(200, move |out| {
                out.write_all(b"{\"progress\": 0}\n")?;
                // Nothing more is sent: it ends when the worker leaves.
                let left = match out.read(&mut [0]) {
                    Ok(count) => count == 0,
                    Err(e) => e.kind() == ErrorKind::ConnectionReset,
                };
                closed.store(left, Ordering::SeqCst);
                Ok(())
            })
            .header("content-type", "application/x-ndjson")
        }
    });
    let host = start(pair, &server, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "a.result"}));
    until("it is called", LIMIT, || {
        Some(server.received("/result")).filter(|all| !all.is_empty())
    });
    http.delete(&format!("/v1/tasks/{id}"));
    assert_eq!(http.finished(&id, LIMIT)["state"], "cancelled");
    until("the connection is closed", LIMIT, || {
        closed.load(Ordering::SeqCst).then_some(())
    });
}

fn it_is_called_again_after_a_crash(pair: Pair) {
    let server = TestServer::start(|request| match request.nth {
        1 => Answer::streamed(200, |out| {
            _ = out.read(&mut [0]);
            Ok(())
        })
        .header("content-length", "1"),
        _ => Answer::new(200, "2"),
    });
    let mut host = start(pair, &server, &[]);
    let id = host.http().enqueue(&json!({"task": "a.result"}));
    until("it is called", LIMIT, || {
        Some(server.received("/result")).filter(|all| !all.is_empty())
    });
    host.kill9();
    host.restart();
    until("it is called again", LIMIT, || {
        host.http().get("/healthz").expect(200);
        Some(server.received("/result")).filter(|all| all.len() == 2)
    });
    assert_eq!(host.http().succeeded(&id, LIMIT)["result"], 2);
    let [first, second] = &server.received("/result")[..] else {
        panic!("it is called twice");
    };
    assert_eq!(
        first.headers["idempotency-key"],
        second.headers["idempotency-key"]
    );
    assert!(sent(second)["fence"].as_u64() > sent(first)["fence"].as_u64());
}

fn it_may_take_longer_than_a_worker_works(pair: Pair) {
    let others_ran = Arc::new(AtomicBool::new(false));
    let server = TestServer::start({
        let others_ran = others_ran.clone();
        move |request| match sent(request)["task"].as_str() {
            Some("b.long") => {
                let others_ran = others_ran.clone();
                Answer::streamed(200, move |out| {
                    while !others_ran.load(Ordering::SeqCst) {
                        thread::sleep(Duration::from_millis(10));
                    }
                    out.write_all(b"\"in the end\"")
                })
            }
            _ => Answer::new(204, ""),
        }
    });
    let host = start(pair, &server, &[("worker_budget", "1s")]);
    let http = host.http();
    let long = http.enqueue(&json!({"task": "b.long"}));
    let began = until("it is called", LIMIT, || {
        (!server.received("/b").is_empty()).then(Instant::now)
    });
    // Tasks that are enqueued after its worker's time run while the call goes on.
    for n in 0.. {
        http.succeeded(&http.enqueue(&json!({"task": "b.short"})), LIMIT);
        if n > 3 && began.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
    assert_eq!(http.task(&long)["state"], "running");
    others_ran.store(true, Ordering::SeqCst);
    let task = http.succeeded(&long, LIMIT);
    assert_eq!(
        (&task["result"], &task["attempt"]),
        (&json!("in the end"), &json!(1))
    );
    let calls = server.received("/b");
    let long = calls.iter().filter(|call| sent(call)["task"] == "b.long");
    assert_eq!(long.count(), 1, "one call lasted from worker to worker");
}

fn others_are_convinced_by_a_signature(pair: Pair) {
    let server = TestServer::start(|_| Answer::new(204, ""));
    let host = start(pair, &server, &[("webhook_secrets", SECRET)]);
    host.http()
        .succeeded(&host.http().enqueue(&json!({"task": "a.result"})), LIMIT);
    let call = &server.received("/result")[0];
    let header = |name: &str| call.headers[name].as_str();
    assert_eq!(header("webhook-id"), header("idempotency-key"));
    let secret: WebhookSecrets = SECRET.parse().expect("a secret");
    let timestamp_s = header("webhook-timestamp").parse().expect("seconds");
    let signature = secret.sign(header("webhook-id"), timestamp_s, &call.body);
    assert_eq!(header("webhook-signature"), signature);
}

fn only_what_is_handled_is_taken(pair: Pair) {
    let server = TestServer::start(|_| Answer::new(204, ""));
    let host = start(pair, &server, &[]);
    let http = host.http();
    let refused = |task: &Value| {
        let reply = http.post("/v1/tasks", task);
        reply.expect_problem(400, "invalid-request", Some("task"));
        reply.text()
    };
    assert!(refused(&json!({"task": "a.results"})).contains("a.result"));
    let said = refused(&json!({"task": "other"}));
    assert!(said.contains("echo") && said.contains("b.*"), "{said}");
    refused(&json!({"task": "workflow"}));
    refused(&json!({"task": "webhook"}));
    // A kind's own timeout and retries, unless its task has others.
    let with = |more: Value| {
        let mut task = json!({"task": "b.x", "delay": "1h"});
        let more = more.as_object().expect("fields").clone();
        task.as_object_mut().expect("fields").extend(more);
        let task = http.task(&http.enqueue(&task));
        json!([task["timeout"], task["attempts_max"]])
    };
    assert_eq!(with(json!({})), json!(["90s", 1]));
    assert_eq!(with(json!({"timeout": "5s"})), json!(["5s", 1]));
    assert_eq!(with(json!({"retry": {"initial": "1s"}})), json!(["90s", 1]));
    assert_eq!(with(json!({"retry": {"attempts": 2}})), json!(["90s", 2]));
    let workflow = json!({"chain": [{"task": "b.one"}, {"task": "b.two"}]});
    http.post("/v1/workflows", &workflow).expect(202);
    until("both are called", LIMIT, || {
        Some(server.received("/b")).filter(|all| all.len() == 2)
    });
}
