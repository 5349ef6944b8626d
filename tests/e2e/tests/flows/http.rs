//! What HTTP's specifications say, beyond single calls.

use crate::unchanged::changes_nothing;
use handoff_e2e::{Answer, Host, Pair, Reply, TestServer, exchange, on_every_pair, until};
use serde_json::json;
use std::time::Duration;

on_every_pair!(
    head_is_get_without_its_body,
    options_say_what_may_be_asked,
    targets_are_decoded,
    bodies_that_are_not_plain_json,
    events_are_for_whom_they_are_welcome,
    outgoing_bodies_have_a_length,
    one_host
);

const LIMIT: Duration = Duration::from_secs(30);

/// Sends these lines as a request. The client of the other tests would correct them.
#[track_caller]
fn raw(host: &Host, head: &str, body: &[u8]) -> Reply {
    let lines = head.lines().map(str::trim).collect::<Vec<_>>().join("\r\n");
    let mut request = format!("{lines}\r\nconnection: close\r\n\r\n").into_bytes();
    request.extend(body);
    exchange(host.address(), &request).unwrap_or_else(|| panic!("no answer: {head}"))
}

fn get(host: &Host, target: &str) -> Reply {
    raw(
        host,
        &format!("GET {target} HTTP/1.1\nhost: localhost"),
        b"",
    )
}

fn head_is_get_without_its_body(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&id, LIMIT);
    let (task, status) = (format!("/v1/tasks/{id}"), format!("/status/{id}"));
    for path in [
        &task,
        &status,
        "/healthz",
        "/openapi.json",
        "/v1/schedules",
        "/v1/tasks/unknown",
        "/nowhere",
    ] {
        let (head, get) = (http.send("HEAD", path, &[], b""), http.get(path));
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-length", "content-type", "cache-control"] {
            assert!(head.header(name).is_some(), "{path}: {name}");
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        assert_eq!(head.header("cache-control"), Some("no-store"), "{path}");
        // The client would not show a body: what follows on the connection would.
        let reply = raw(
            &host,
            &format!("HEAD {path} HTTP/1.1\nhost: localhost"),
            b"",
        );
        assert_eq!(reply.text(), "", "{path}");
    }
    let stream = [("accept", "text/event-stream")];
    let waits = http.enqueue(&json!({"task": "echo", "delay": "1h"}));
    let reply = http
        .send("HEAD", &format!("/v1/tasks/{waits}"), &stream, b"")
        .expect(200);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    // It would enqueue a task that nobody learns of.
    changes_nothing(&host, |host| {
        let reply = host.http().send("HEAD", "/ping", &[], b"").expect(405);
        assert_eq!(reply.header("allow"), Some("GET, POST, OPTIONS"));
        host.http().send("HEAD", "/gather", &[], b"").expect(405);
    });
}

fn options_say_what_may_be_asked(pair: Pair) {
    let host = Host::start(pair, &[("api_tokens", "t0ken")]);
    changes_nothing_with_token(&host);
    for (path, allow) in [
        ("/ping", "GET, POST, OPTIONS"),
        ("/v1/tasks", "POST, OPTIONS"),
        ("/v1/tasks/a", "GET, HEAD, DELETE, OPTIONS"),
        ("/v1/schedules/a", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/gather", "POST, OPTIONS"),
    ] {
        let reply = host.http().send("OPTIONS", path, &[], b"").expect(204);
        assert_eq!(reply.header("allow"), Some(allow), "{path}");
    }
    let token = [("authorization", "Bearer t0ken")];
    host.http()
        .send("OPTIONS", "/nowhere", &token, b"")
        .expect_problem(404, "not-found", None);
    let reply = raw(
        &host,
        "BREW /v1/tasks HTTP/1.1\nhost: localhost\nauthorization: Bearer t0ken",
        b"",
    );
    reply.expect_problem(405, "method-not-allowed", None);
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
}

/// HEAD needs what GET needs.
fn changes_nothing_with_token(host: &Host) {
    host.http().send("HEAD", "/v1/queues", &[], b"").expect(401);
    let token = [("authorization", "Bearer t0ken")];
    host.http()
        .send("HEAD", "/v1/queues", &token, b"")
        .expect(200);
}

fn targets_are_decoded(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let batch = br#"{"tasks": [{"task": "echo"}]}"#;
    let head = format!(
        "POST /v1/tasks%3Abatch HTTP/1.1\nhost: localhost\ncontent-length: {}",
        batch.len()
    );
    raw(&host, &head, batch).expect(202);
    let id = http.enqueue(&json!({"task": "echo", "args": "here"}));
    http.succeeded(&id, LIMIT);
    let encoded = id.replace('-', "%2D");
    for target in [
        format!("/v1/tasks/{encoded}"),
        format!("/%761/t%61sks/{encoded}?w%61it=0h%200s"),
        format!("/v1/tasks/{id}?wait=0h+0s"),
        format!("/v1/tasks/{id}?"),
    ] {
        assert_eq!(
            get(&host, &target).expect(200).json()["result"],
            "here",
            "{target}"
        );
    }
    let next = get(&host, "/v1/queues/default/tasks?st%61te=failed&limit=1%30").expect(200);
    assert_eq!(next.json()["tasks"], json!([]));
    changes_nothing(&host, |host| {
        for (target, field) in [
            (format!("/v1/tasks/{id}?wait=%"), Some("wait")),
            (format!("/v1/tasks/{id}?wait=%zz"), Some("wait")),
            (format!("/v1/tasks/{id}?wait=1s&wait=2s"), Some("wait")),
            (format!("/v1/tasks/{id}%2"), None),
            ("/v1/tasks/%ff".to_owned(), None),
        ] {
            get(host, &target).expect_problem(400, "invalid-request", field);
        }
        for target in ["/v1/tasks/a%2Fretry", "/v1/tasks/%00", "/v1/tasks/%C2%9B"] {
            let reply = get(host, target);
            reply.expect_problem(404, "unknown-task", None);
            assert!(!reply.text().contains('\u{9b}'), "{}", reply.text());
        }
        for (target, meant) in [
            ("/v1/tasks/", "/v1/tasks"),
            ("/v1/task", "/v1/tasks"),
            ("/tasks", "/v1/tasks"),
            ("/ping/", "/ping"),
        ] {
            let reply = get(host, target);
            reply.expect_problem(404, "not-found", None);
            let detail = reply.json()["detail"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            assert!(
                detail.ends_with(&format!("did you mean \"{meant}\"?")),
                "{detail}"
            );
        }
    });
}

fn bodies_that_are_not_plain_json(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let body = r#"{"task": "echo"}"#;
    let json_type = ("content-type", "application/json");
    let utf16: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    changes_nothing(&host, |host| {
        for path in ["/v1/tasks", "/v1/tasks:batch", "/v1/workflows", "/gather"] {
            for encoding in ["gzip", "deflate", "br", "identity, gzip", "GZIP"] {
                let headers = [json_type, ("content-encoding", encoding)];
                let reply = host.http().send("POST", path, &headers, body.as_bytes());
                reply.expect_problem(415, "unsupported-media-type", None);
                assert_eq!(reply.header("accept-encoding"), Some("identity"), "{path}");
            }
            let headers = [("content-type", "application/json; charset=utf-16")];
            let reply = host.http().send("POST", path, &headers, body.as_bytes());
            reply.expect_problem(415, "unsupported-media-type", None);
            let reply = host.http().send("POST", path, &[json_type], &utf16);
            reply.expect_problem(400, "invalid-request", None);
            assert!(reply.text().contains("UTF-16"), "{}", reply.text());
        }
        let twice = format!(
            "POST /v1/tasks HTTP/1.1\nhost: localhost\ncontent-length: {}\ncontent-type: text/plain\ncontent-type: application/json",
            body.len()
        );
        let reply = raw(host, &twice, body.as_bytes());
        reply.expect_problem(400, "invalid-request", Some("content-type"));
    });
    let marked = [b"\xef\xbb\xbf", body.as_bytes()].concat();
    for (headers, body) in [
        (
            vec![json_type, ("content-encoding", "identity")],
            body.as_bytes(),
        ),
        (
            vec![("content-type", "Application/JSON; charset=\"UTF-8\"")],
            body.as_bytes(),
        ),
        (vec![json_type], marked.as_slice()),
    ] {
        http.send("POST", "/v1/tasks", &headers, body).expect(202);
    }
    // A client that waits for 100 (Continue), and one that sends in chunks.
    let head = "POST /v1/tasks HTTP/1.1\nhost: localhost\ntransfer-encoding: chunked\nEXPECT: 100-continue";
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let reply = raw(&host, head, chunk.as_bytes());
    assert!(matches!(reply.status, 100 | 202), "{}", reply.status);
}

fn events_are_for_whom_they_are_welcome(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&id, LIMIT);
    let path = format!("/v1/tasks/{id}");
    for (accept, kind) in [
        ("text/event-stream", "text/event-stream"),
        ("text/event-stream, */*;q=0.1", "text/event-stream"),
        ("text/event-stream;q=0", "application/json"),
        ("text/event-stream;q=0, */*", "application/json"),
        (
            "application/json, text/event-stream;q=0.5",
            "application/json",
        ),
        ("image/png", "application/json"),
    ] {
        let reply = http
            .send("GET", &path, &[("accept", accept)], b"")
            .expect(200);
        assert_eq!(reply.header("content-type"), Some(kind), "{accept}");
        assert_eq!(reply.header("vary"), Some("Accept"), "{accept}");
    }
    let other = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&other, LIMIT);
    let events = http.events(&format!("/v1/tasks/{other}"), None);
    let end = events.last().expect("its end").id;
    // Anything but 200 ends an EventSource for good.
    for last in [
        end.as_str(),
        "x",
        "1-2-3",
        "-1-2-3-4",
        "99999999999999999999-0-0-0",
        "\u{e4}",
    ] {
        let headers = [("accept", "text/event-stream"), ("last-event-id", last)];
        let reply = http.send("GET", &path, &headers, b"").expect(200);
        assert!(
            reply.text().contains("event: end\ndata: {"),
            "{last}: {}",
            reply.text()
        );
    }
}

fn outgoing_bodies_have_a_length(pair: Pair) {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let host = Host::start(pair, &[("webhook_secrets", secret)]);
    let http = host.http();
    let server = TestServer::start(|_| Answer::new(200, "{}"));
    let call = |method: &str, path: &str, body: Option<&str>| {
        let mut args = json!({"url": server.url(path), "method": method});
        if let Some(body) = body {
            args["body"] = json!(body);
        }
        args
    };
    let webhook = json!({"task": "echo", "webhook": server.url("/webhook")});
    http.enqueue(&webhook);
    let calls = [
        ("POST", "/post", Some("äbc"), Some("4")),
        ("PUT", "/put", Some("x"), Some("1")),
        ("POST", "/nothing", None, Some("0")),
        ("GET", "/get", None, None),
        ("HEAD", "/head", None, None),
    ];
    for (method, path, body, _) in calls {
        http.enqueue(&json!({"task": "http.request", "args": call(method, path, body)}));
    }
    let gather = json!({"requests": [call("POST", "/gathered", Some("abc")), call("GET", "/gathered", None)]});
    http.post("/gather", &gather).expect(200);
    let received = |path: &str| {
        until("it arrives", LIMIT, || {
            server.received(path).into_iter().next()
        })
    };
    for (method, path, body, length) in calls {
        let found = received(path);
        assert_eq!(found.method, method);
        assert_eq!(found.body, body.unwrap_or_default().as_bytes(), "{path}");
        assert_eq!(
            found.headers.get("content-length").map(String::as_str),
            length,
            "{path}"
        );
        assert_eq!(found.headers.get("transfer-encoding"), None, "{path}");
    }
    let webhook = received("/webhook");
    let length = webhook.body.len().to_string();
    assert_eq!(webhook.headers.get("content-length"), Some(&length));
    assert_eq!(webhook.headers.get("transfer-encoding"), None);
    for found in server.received("/gathered") {
        let length = (found.method == "POST").then_some("3");
        assert_eq!(
            found.headers.get("content-length").map(String::as_str),
            length
        );
    }
}

fn one_host(pair: Pair) {
    // What Spin answers is its own.
    if !pair.is_local() {
        return;
    }
    let host = Host::start(pair, &[]);
    for head in [
        "GET /healthz HTTP/1.1",
        "GET /healthz HTTP/1.1\nhost: localhost\nhost: localhost",
        "GET /healthz HTTP/1.1\nhost: localhost\nHost: example.org",
        "GET http://localhost/healthz HTTP/1.1\nhost: localhost\nhost: example.org",
        "GET /healthz HTTP/1.1\nhost: handoff-worker.spin.internal",
    ] {
        raw(&host, head, b"").expect_problem(400, "invalid-request", None);
    }
    raw(
        &host,
        "GET http://localhost/healthz HTTP/1.1\nhost: localhost",
        b"",
    )
    .expect(200);
    raw(&host, "OPTIONS * HTTP/1.1\nhost: localhost", b"").expect_problem(404, "not-found", None);
}
