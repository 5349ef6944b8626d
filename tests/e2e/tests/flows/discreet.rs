//! What a caller is not shown, and what others can't reach through the application.

use handoff_e2e::{Answer, Client, Host, Pair, Reply, TestServer, on_every_pair, until};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(
    secrets_are_not_shown,
    secrets_are_sent_and_not_told,
    a_key_is_a_names_own,
    who_may_not_read_sees_the_state_only
);

const LIMIT: Duration = Duration::from_secs(40);
const TOKENS: &str = "shop:enqueue:t0ken-a, mail:enqueue:t0ken-b, ops:operate:t0ken-c, t0ken-d";

fn send(http: &Client, token: &str, method: &str, path: &str, body: &Value) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [
        ("content-type", "application/json"),
        ("authorization", authorization.as_str()),
    ];
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    http.send(method, path, &headers, body.as_bytes())
}

fn secrets_are_not_shown(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let args = json!({
        "url": "http://127.0.0.1:1/",
        "headers": {"Authorization": "Bearer s3cret", "cookie": "s3cret", "X-Api-Key": "s3cret", "accept": "a/b"},
    });
    let task = json!({"task": "http.request", "args": args, "delay": "1h"});
    let taken = http.post("/v1/tasks", &task).expect(202).json();
    let id = taken["id"].as_str().expect("an id").to_owned();
    let shown = http.task(&id);
    for object in [&taken, &shown] {
        assert!(!object.to_string().contains("s3cret"), "{object:#}");
        let headers = &object["args"]["headers"];
        assert_eq!(headers["Authorization"], "[redacted]", "{object:#}");
        assert_eq!(headers["accept"], "a/b", "{object:#}");
    }
    let batch = http.post("/v1/tasks:batch", &json!({"tasks": [task]}));
    assert!(!batch.expect(202).text().contains("s3cret"));
    let member = json!({"task": "http.request", "args": args});
    let workflow = json!({"chain": [member], "delay": "1h"});
    let workflow = http.post("/v1/workflows", &workflow).expect(202).json();
    let id = workflow["id"].as_str().expect("an id");
    for path in [
        format!("/v1/tasks/{id}"),
        format!("/v1/workflows/{id}/tasks"),
    ] {
        let text = http.get(&path).expect(200).text();
        assert!(!text.contains("s3cret"), "{text}");
    }
    let schedule = json!({"task": "http.request", "args": args, "every": "1h"});
    let put = |body: &Value| {
        let body = body.to_string();
        let headers = [("content-type", "application/json")];
        http.send("PUT", "/v1/schedules/a", &headers, body.as_bytes())
    };
    let stored = put(&schedule).expect(201).json();
    assert!(!stored.to_string().contains("s3cret"), "{stored:#}");
    // What is shown is not put in place of the secret.
    let field = "args.headers.Authorization";
    put(&stored).expect_problem(400, "invalid-request", Some(field));
}

/// In events, webhooks and the list of failed tasks.
fn secrets_are_sent_and_not_told(pair: Pair) {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let host = Host::start(pair, &[("webhook_secrets", secret)]);
    let http = host.http();
    let server = TestServer::start(|request| match request.path.as_str() {
        "/called" => Answer::new(404, ""),
        _ => Answer::new(204, ""),
    });
    let args = json!({
        "url": server.url("/called"),
        "headers": {"Authorization": "Bearer s3cret", "cookie": "s3cret", "x-csrf-token": "s3cret", "accept": "a/b"},
    });
    let task = json!({"task": "http.request", "args": args, "webhook": server.url("/told")});
    let id = http.enqueue(&task);
    let events: Vec<_> = http.events(&format!("/v1/tasks/{id}"), None).collect();
    let end = events.last().expect("events");
    assert_eq!(end.name, "end", "{events:#?}");
    let told = until("the webhook arrives", LIMIT, || {
        server.received("/told").into_iter().next()
    });
    let told: Value = serde_json::from_slice(&told.body).expect("JSON");
    let failed = http
        .get("/v1/queues/default/tasks?state=failed")
        .expect(200);
    for object in [&end.data, &told["data"], &failed.json()["tasks"][0]] {
        assert_eq!(object["id"], id.as_str(), "{object:#}");
        let shown = json!({
            "Authorization": "[redacted]", "cookie": "[redacted]", "x-csrf-token": "[redacted]", "accept": "a/b",
        });
        assert_eq!(object["args"]["headers"], shown, "{object:#}");
    }
    for text in [format!("{events:?}"), told.to_string(), failed.text()] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    let called = &server.received("/called")[0];
    assert_eq!(called.headers["authorization"], "Bearer s3cret");
    assert_eq!(called.headers["cookie"], "s3cret");
}

fn a_key_is_a_names_own(pair: Pair) {
    let host = Host::start(pair, &[("api_tokens", TOKENS)]);
    let http = host.http();
    let task = json!({"task": "echo", "args": "mine", "idempotency_key": "order-17"});
    let enqueue = |token: &str, status: u16| {
        let reply = send(http, token, "POST", "/v1/tasks", &task).expect(status);
        reply.json()["id"].as_str().expect("an id").to_owned()
    };
    let shop = enqueue("t0ken-a", 202);
    let mail = enqueue("t0ken-b", 202);
    let all = enqueue("t0ken-d", 202);
    assert!(shop != mail && mail != all && all != shop);
    assert_eq!(enqueue("t0ken-a", 200), shop);
    assert_eq!(enqueue("t0ken-b", 200), mail);
    assert_eq!(enqueue("t0ken-d", 200), all);
}

fn who_may_not_read_sees_the_state_only(pair: Pair) {
    let host = Host::start(pair, &[("api_tokens", TOKENS), ("fault_tasks", "true")]);
    let http = host.http();
    let none = Value::Null;
    let enqueue = |path: &str, body: &Value| {
        let taken = send(http, "t0ken-a", "POST", path, body).expect(202).json();
        format!("{path}/{}", taken["id"].as_str().expect("an id"))
    };
    let waits = json!({"task": "echo", "args": "private", "delay": "1h"});
    let chain = json!({"chain": [{"task": "echo", "args": "private"}], "delay": "1h"});
    let fails = json!({"task": "fault", "args": {"how": "fail"}, "retry": {"attempts": 1}});
    let failed = || {
        let path = enqueue("/v1/tasks", &fails);
        until("it fails", LIMIT, || {
            let wait = format!("{path}?wait=4s");
            let task = send(http, "t0ken-d", "GET", &wait, &none)
                .expect(200)
                .json();
            (task["state"] == "failed").then_some(())
        });
        path
    };
    for (token, whole) in [("t0ken-c", false), ("t0ken-d", true)] {
        let delete = |path: String| (path.clone(), send(http, token, "DELETE", &path, &none));
        let post = |path: String, what: &str| {
            let call = format!("{path}/{what}");
            (path, send(http, token, "POST", &call, &none))
        };
        for (what, state, status, (path, reply)) in [
            (
                "task",
                "cancelled",
                200,
                delete(enqueue("/v1/tasks", &waits)),
            ),
            (
                "workflow",
                "cancelled",
                200,
                delete(enqueue("/v1/workflows", &chain)),
            ),
            ("retry", "queued", 202, post(failed(), "retry")),
            ("discard", "failed", 200, post(failed(), "discard")),
        ] {
            let object = reply.expect(status).json();
            assert_eq!(object["state"], state, "{what}: {object:#}");
            let id = object["id"].as_str().expect("an id");
            // A retry is another task.
            assert_eq!(path.ends_with(id), what != "retry", "{what}: {object:#}");
            let fields = object.as_object().map_or(0, |fields| fields.len());
            assert_eq!(fields == 2, !whole, "{what}: {object:#}");
        }
        let schedule = json!({"task": "echo", "args": "private", "every": "1h"});
        send(http, token, "PUT", "/v1/schedules/a", &schedule);
        let (_, reply) = post("/v1/schedules/a".to_owned(), "pause");
        let object = reply.expect(200).json();
        assert_eq!(object["paused"], true);
        assert_eq!(object.get("args").is_some(), whole, "{object:#}");
    }
}
