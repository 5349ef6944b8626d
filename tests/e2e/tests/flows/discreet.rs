//! What a caller is not shown, and what others can't reach through the application.

use handoff_e2e::{Client, Host, Pair, Reply, on_every_pair};
use serde_json::{Value, json};

on_every_pair!(
    secrets_are_not_shown,
    a_key_is_a_names_own,
    who_may_not_read_sees_the_state_only
);

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
    let host = Host::start(pair, &[("api_tokens", TOKENS)]);
    let http = host.http();
    let task = json!({"task": "echo", "args": "private", "delay": "1h"});
    for (token, whole) in [("t0ken-c", false), ("t0ken-d", true)] {
        let taken = send(http, "t0ken-a", "POST", "/v1/tasks", &task).expect(202);
        let id = taken.json()["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/tasks/{id}");
        let cancelled = send(http, token, "DELETE", &path, &Value::Null).expect(200);
        let object = cancelled.json();
        assert_eq!(object["id"], id.as_str());
        assert_eq!(object["state"], "cancelled");
        assert_eq!(object["args"] == "private", whole, "{object:#}");
        let fields = object.as_object().map_or(0, |fields| fields.len());
        assert_eq!(fields == 2, !whole, "{object:#}");
    }
}
