//! Being told how a task ended.

use handoff_e2e::{Answer, Client, Host, Pair, Received, TestServer, on_every_pair, until};
use handoff_wire::WebhookSecrets;
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(
    every_end_is_told,
    the_receiver_decides,
    told_after_a_crash,
    told_beside_limits_and_pauses,
    refused
);

const LIMIT: Duration = Duration::from_secs(60);
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";

fn both() -> String {
    format!("{NEW} {OLD}")
}

/// What the path received, once it did so often.
fn received(server: &TestServer, path: &str, times: usize) -> Vec<Received> {
    until("the webhook arrives", LIMIT, || {
        Some(server.received(path)).filter(|received| received.len() >= times)
    })
}

/// The message, if it is signed with this secret.
fn verified(message: &Received, secret: &str) -> Value {
    let header = |name: &str| message.headers[name].as_str();
    let secret: WebhookSecrets = secret.parse().expect("a secret");
    let timestamp_s = header("webhook-timestamp").parse().expect("seconds");
    let signature = secret.sign(header("webhook-id"), timestamp_s, &message.body);
    let mut signatures = header("webhook-signature").split(' ');
    assert!(signatures.any(|s| s == signature), "{:?}", message.headers);
    serde_json::from_slice(&message.body).expect("JSON")
}

fn enqueue(http: &Client, server: &TestServer, path: &str, mut task: Value) -> String {
    task["webhook"] = json!(server.url(path));
    http.enqueue(&task)
}

fn every_end_is_told(pair: Pair) {
    let secrets = both();
    let variables = [
        ("webhook_secrets", secrets.as_str()),
        ("fault_tasks", "true"),
    ];
    let host = Host::start(pair, &variables);
    let http = host.http();
    let server = TestServer::start(|_| Answer::new(204, ""));
    let fails = json!({"task": "fault", "args": {"how": "fail"}, "retry": {"attempts": 2, "initial": "10ms"}});
    let tasks = [
        ("succeeded", json!({"task": "echo", "args": {"a": 1}})),
        ("failed", fails),
        ("cancelled", json!({"task": "echo", "delay": "1h"})),
    ];
    for (state, task) in tasks {
        let path = format!("/{state}");
        let id = enqueue(http, &server, &path, task);
        if state == "cancelled" {
            http.delete(&format!("/v1/tasks/{id}")).expect(200);
        }
        let messages = received(&server, &path, 1);
        let message = verified(&messages[0], OLD);
        assert_eq!(verified(&messages[0], NEW), message);
        assert_eq!(messages[0].method, "POST");
        assert_eq!(messages[0].headers["content-type"], "application/json");
        assert_eq!(message["type"], format!("task.{state}"));
        let object = http.task(&id);
        assert_eq!(message["data"], object, "as callers see it");
        assert_eq!(object["state"], state);
        assert_eq!(object["webhook"], server.url(&path));
    }
    // Rescue has passed all that was enqueued: nobody is told twice.
    until("all are counted", LIMIT, || {
        http.get("/healthz").expect(200);
        let ended = http.get("/v1/queues/default").expect(200).json()["ended"].clone();
        (ended == json!({"succeeded": 4, "failed": 1, "cancelled": 1, "expired": 0})).then_some(())
    });
    for state in ["succeeded", "failed", "cancelled"] {
        assert_eq!(server.received(&format!("/{state}")).len(), 1);
    }
}

fn the_receiver_decides(pair: Pair) {
    let host = Host::start(pair, &[("webhook_secrets", OLD)]);
    let http = host.http();
    let server = TestServer::start(|request| match (request.path.as_str(), request.nth) {
        ("/late", 1) => Answer::new(503, "").header("retry-after", "1"),
        ("/broken", 1) => Answer::new(404, "not deployed yet"),
        ("/gone", 1) => Answer::new(410, ""),
        _ => Answer::new(200, ""),
    });
    let ids = ["/late", "/broken", "/gone"]
        .map(|path| enqueue(http, &server, path, json!({"task": "echo", "args": path})));
    // Whatever it answers, the task has ended.
    for id in &ids {
        http.succeeded(id, LIMIT);
    }
    for path in ["/late", "/broken"] {
        let messages = received(&server, path, 2);
        let id = |i: usize| messages[i].headers["webhook-id"].clone();
        assert_eq!(id(0), id(1), "the same message");
        assert_eq!(verified(&messages[1], OLD)["data"]["result"], path);
    }
    // Asked for no more: it has failed at once. An operator may tell it all the same.
    let failed = until("it is listed", LIMIT, || {
        let page = http
            .get("/v1/queues/default/tasks?state=failed")
            .expect(200)
            .json();
        Some(page["tasks"][0].clone()).filter(Value::is_object)
    });
    assert_eq!(failed["attempt"], 1, "{failed:#}");
    assert_eq!(failed["end_of"], ids[2].as_str());
    let path = format!("/v1/tasks/{}/retry", failed["id"].as_str().expect("an id"));
    let again = http.post(&path, &json!({})).expect(202).json();
    http.succeeded(again["id"].as_str().expect("an id"), LIMIT);
    let messages = received(&server, "/gone", 2);
    assert_eq!(
        messages[0].headers["webhook-id"],
        messages[1].headers["webhook-id"]
    );
}

fn told_after_a_crash(pair: Pair) {
    let mut host = Host::start(pair, &[("webhook_secrets", OLD)]);
    let server = TestServer::start(|_| Answer::new(200, ""));
    let ids: Vec<_> = (0..30)
        .map(|i| {
            let task =
                json!({"task": "sleep", "args": {"for": format!("{}ms", 20 * i)}, "timeout": "4s"});
            enqueue(host.http(), &server, &format!("/{i}"), task)
        })
        .collect();
    received(&server, "/5", 1);
    host.kill9();
    host.restart();
    let http = host.http();
    for (i, id) in ids.iter().enumerate() {
        let messages = until("it is told", LIMIT, || {
            http.get("/healthz").expect(200);
            Some(server.received(&format!("/{i}"))).filter(|received| !received.is_empty())
        });
        let message = verified(&messages[0], OLD);
        assert_eq!(message["data"]["id"], id.as_str());
        assert_eq!(message["type"], "task.succeeded");
    }
}

fn refused(pair: Pair) {
    let mut host = Host::start(pair, &[("webhook_secrets", "")]);
    let http = host.http();
    let server = TestServer::start(|_| Answer::new(200, ""));
    let ask = |http: &Client, url: &str| {
        let reply = http.post("/v1/tasks", &json!({"task": "echo", "webhook": url}));
        reply.expect_problem(400, "invalid-request", Some("webhook"));
        reply.text()
    };
    let said = ask(http, &server.url("/"));
    assert!(said.contains("webhook_secrets"), "{said}");
    for url in [
        "",
        "ftp://x/",
        "/path",
        "http://handoff-worker.spin.internal/",
    ] {
        ask(http, url);
    }
    let direct = json!({"task": "webhook", "args": {"url": server.url("/")}});
    let reply = http.post("/v1/tasks", &direct);
    reply.expect_problem(400, "invalid-request", Some("task"));

    host.restart_with("webhook_secrets", "whsec_short");
    let http = host.http();
    let task = json!({"task": "echo", "webhook": server.url("/")});
    let reply = http.post("/v1/tasks", &task);
    reply.expect_problem(500, "misconfigured", None);
    assert!(!reply.text().contains("short"), "{}", reply.text());
    // Others need none.
    let id = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&id, LIMIT);
}

/// Neither does a receiver that takes its time use up what one task at a time needs, nor does a pause keep it waiting.
fn told_beside_limits_and_pauses(pair: Pair) {
    let limits = r#"{"default": {"concurrency": 1, "rate": "6/h"}}"#;
    let variables = [("webhook_secrets", OLD), ("queue_limits", limits)];
    let host = Host::start(pair, &variables);
    let http = host.http();
    let open = std::sync::Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let gate = open.clone();
    let server = TestServer::start(move |request| {
        if request.path == "/slow" {
            let (open, changed) = &*gate;
            let shut = open.lock().expect("nobody panics");
            let shut = changed.wait_timeout_while(shut, LIMIT, |open| !*open);
            drop(shut);
        }
        Answer::new(204, "")
    });
    // Each ends while the receivers of those before it still have not answered.
    for i in 0..6 {
        let id = enqueue(http, &server, "/slow", json!({"task": "echo", "args": i}));
        http.succeeded(&id, LIMIT);
    }
    received(&server, "/slow", 6);

    http.post("/v1/queues/default/pause", &json!({}))
        .expect(200);
    let waits = enqueue(http, &server, "/paused", json!({"task": "echo"}));
    http.delete(&format!("/v1/tasks/{waits}")).expect(200);
    let messages = received(&server, "/paused", 1);
    assert_eq!(verified(&messages[0], OLD)["type"], "task.cancelled");
    let queue = http.get("/v1/queues/default").expect(200).json();
    assert_eq!(queue["paused"], true, "{queue:#}");
    let (open, changed) = &*open;
    *open.lock().expect("nobody panics") = true;
    changed.notify_all();
}
