//! Tokens: who has none is refused, and who has one may what it is for.

use handoff_e2e::{Client, Host, Pair, Reply, on_every_pair, slot, until};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(
    each_token_for_what_it_is_for,
    a_misplaced_token_is_not_printed,
    an_open_application_says_so_once
);

const LIMIT: Duration = Duration::from_secs(20);
const TOKENS: &str =
    "t0ken-for-all, ci:enqueue:t0ken-ci\n dash:read:t0ken-dash ops:read+operate:t0ken-ops";

/// The tokens, and the scopes that they have.
const CALLERS: [(&str, &[&str]); 4] = [
    ("t0ken-for-all", &["enqueue", "read", "operate"]),
    ("t0ken-ci", &["enqueue"]),
    ("t0ken-dash", &["read"]),
    ("t0ken-ops", &["read", "operate"]),
];

fn send(http: &Client, method: &str, path: &str, token: Option<&str>, body: &Value) -> Reply {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.as_deref().map(|a| ("authorization", a)));
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    http.send(method, path, &headers, body.as_bytes())
}

fn enqueue(http: &Client) -> String {
    let echo = json!({"task": "echo", "args": "served"});
    let reply = send(http, "POST", "/v1/tasks", Some("t0ken-ci"), &echo).expect(202);
    reply.json()["id"].as_str().expect("an id").to_owned()
}

fn succeeds(http: &Client, id: &str) {
    let path = format!("/v1/tasks/{id}?wait=2s");
    let result = until("the task is done", LIMIT, || {
        let task = send(http, "GET", &path, Some("t0ken-dash"), &Value::Null).expect(200);
        task.json().get("result").cloned()
    });
    assert_eq!(result, "served");
}

fn each_token_for_what_it_is_for(pair: Pair) {
    let host = Host::start(pair, &[("api_tokens", TOKENS)]);
    let http = host.http();
    let id = enqueue(http);
    // The worker was woken, which needs no token.
    succeeds(http, &id);
    let (task, status) = (format!("/v1/tasks/{id}"), format!("/status/{id}"));
    let echo = json!({"task": "echo"});
    let batch = json!({"tasks": [echo]});
    let waits = json!({"waits": ["0s"]});
    let none = Value::Null;
    let calls = [
        ("GET", "/ping", &none, "enqueue", 202),
        ("POST", "/ping", &none, "enqueue", 202),
        ("POST", "/v1/tasks", &echo, "enqueue", 202),
        ("POST", "/v1/tasks:batch", &batch, "enqueue", 202),
        ("POST", "/gather", &waits, "enqueue", 200),
        ("GET", &status, &none, "read", 200),
        ("GET", &task, &none, "read", 200),
        ("GET", "/nowhere", &none, "read", 404),
        ("DELETE", &task, &none, "operate", 200),
        ("PATCH", &task, &none, "operate", 405),
    ];

    let before = slot(&enqueue(http));
    for (method, path, body, scope, _) in calls {
        eprintln!("{method} {path}");
        let reply = send(http, method, path, None, body);
        reply.expect_problem(401, "unauthorized", None);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        for unknown in ["t0ken-for-al", "t0ken-for-all2", "ci:enqueue:t0ken-ci"] {
            let reply = send(http, method, path, Some(unknown), body);
            reply.expect_problem(401, "unauthorized", None);
            let challenge = reply.header("www-authenticate");
            assert_eq!(challenge, Some("Bearer error=\"invalid_token\""));
        }
        for (token, scopes) in CALLERS {
            if !scopes.contains(&scope) {
                let reply = send(http, method, path, Some(token), body);
                reply.expect_problem(403, "forbidden", None);
                let detail = reply.json()["detail"].to_string();
                assert!(detail.contains(scope), "{detail}");
                let name = token.trim_start_matches("t0ken-");
                assert!(detail.contains(name) && !detail.contains(token), "{detail}");
            }
        }
    }
    assert_eq!(slot(&enqueue(http)), before + 1, "something was enqueued");

    for (method, path, body, scope, status) in calls {
        for (token, scopes) in CALLERS {
            if scopes.contains(&scope) {
                eprintln!("{method} {path} {token}");
                send(http, method, path, Some(token), body).expect(status);
            }
        }
    }
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        http.get(path).expect(200);
    }
    let later = enqueue(http);
    succeeds(http, &later);
    assert!(!host.output().contains("the API is open"));
}

fn a_misplaced_token_is_not_printed(pair: Pair) {
    let host = Host::start(pair, &[("api_tokens", "t0ken-for-all ci:t0ken-ci:enqueue")]);
    let http = host.http();
    for (method, path) in [
        ("POST", "/v1/tasks"),
        ("POST", "/gather"),
        ("GET", "/readyz"),
    ] {
        let reply = send(http, method, path, Some("t0ken-for-all"), &json!({}));
        reply.expect_problem(500, "misconfigured", None);
        let text = reply.text();
        for part in ["api_tokens", "item 2", "name:scope+scope:token"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("t0ken-ci"), "{text}");
    }
    http.get("/healthz").expect(200);
    assert!(!host.output().contains("t0ken-ci"));
}

fn an_open_application_says_so_once(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let said = |host: &Host| host.output().matches("the API is open").count();
    let works = |host: &Host| {
        // A short lease: the host is killed, perhaps with a worker that holds the next ticket.
        let id = host
            .http()
            .enqueue(&json!({"task": "echo", "timeout": "1s"}));
        host.http().succeeded(&id, Duration::from_secs(60));
    };
    works(&host);
    until("it is said", LIMIT, || (said(&host) > 0).then_some(()));
    assert!(host.output().contains("api_tokens"));
    works(&host);
    assert_eq!(said(&host), 1);
    // Its store remembers. Each of these finds nobody at work.
    for _ in 0..2 {
        host.restart();
        works(&host);
        works(&host);
        assert_eq!(said(&host), 0);
    }
}
