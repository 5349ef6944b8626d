//! Pages of other sites, which a browser lets call whatever it reaches: without tokens they are refused, and change nothing.

use crate::unchanged::changes_nothing;
use handoff_e2e::{Host, Pair, Reply, exchange, on_every_pair};

on_every_pair!(
    pages_of_other_sites_are_refused,
    names_of_others_are_refused,
    listed_names_are_served,
    tokens_need_no_names
);

/// What changes something, or tells something.
const CALLS: [(&str, &str, &str); 8] = [
    ("POST", "/v1/tasks", r#"{"task":"echo"}"#),
    ("POST", "/v1/tasks:batch", r#"{"tasks":[{"task":"echo"}]}"#),
    ("GET", "/ping", ""),
    ("POST", "/ping", ""),
    ("POST", "/gather", r#"{"waits":["0s"]}"#),
    ("POST", "/v1/queues/default/purge", ""),
    ("DELETE", "/v1/tasks/default-1-63e3d3b0c5a8fd23f3a55c6a", ""),
    ("GET", "/v1/queues", ""),
];

/// Sends a request with these headers besides, `host` among them.
#[track_caller]
fn send(host: &Host, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    // As a form sends it: a browser asks nobody before.
    let length = body.len();
    request += &format!(
        "content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let reply = exchange(host.address(), request.as_bytes());
    reply.unwrap_or_else(|| panic!("{method} {path} {headers:?}: no answer"))
}

fn pages_of_other_sites_are_refused(pair: Pair) {
    let host = Host::start(pair, &[]);
    let own = host.address().to_string();
    let at_home = format!("http://{own}");
    changes_nothing(&host, |host| {
        for (method, path, body) in CALLS {
            for page in [
                &[("origin", "https://evil.example")][..],
                &[("origin", "null")],
                &[
                    ("origin", "http://localhost:1"),
                    ("sec-fetch-site", "same-site"),
                ],
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "no-cors"),
                ],
                &[("sec-fetch-site", "same-site")],
            ] {
                let headers = [&[("host", own.as_str())][..], page].concat();
                let reply = send(host, method, path, &headers, body);
                eprintln!("{method} {path} {page:?}");
                reply.expect_problem(403, "origin-not-allowed", None);
                assert!(reply.text().contains("cors_origins"), "{}", reply.text());
            }
        }
        // A link to what changes something.
        let link = [
            ("host", own.as_str()),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let reply = send(host, "GET", "/ping", &link, "");
        reply.expect_problem(403, "origin-not-allowed", None);
        // A link to what tells something is shown to the user only.
        send(host, "GET", "/v1/queues", &link, "").expect(200);
    });
    for page in [
        &[][..],
        &[("origin", at_home.as_str())],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
    ] {
        let headers = [&[("host", own.as_str())][..], page].concat();
        send(&host, "GET", "/ping", &headers, "").expect(202);
    }
}

fn names_of_others_are_refused(pair: Pair) {
    let host = Host::start(pair, &[]);
    changes_nothing(&host, |host| {
        for name in [
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "192.0.2.7:3000",
        ] {
            let page = format!("http://{name}");
            for (method, path, body) in CALLS {
                let headers = [
                    ("host", name),
                    ("origin", page.as_str()),
                    ("sec-fetch-site", "same-origin"),
                ];
                let reply = send(host, method, path, &headers, body);
                reply.expect_problem(403, "host-not-allowed", None);
                let text = reply.text();
                for part in [name, "allowed_hosts", "api_tokens"] {
                    assert!(text.contains(part), "{method} {path}: {text}");
                }
            }
        }
    });
    for name in [
        "localhost",
        "LOCALHOST:99",
        "app.localhost",
        "127.0.0.1",
        "127.3.2.1:80",
        "[::1]:3000",
    ] {
        send(&host, "GET", "/v1/queues", &[("host", name)], "").expect(200);
    }
    // Probes call a pod or a machine by its address.
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        send(&host, "GET", path, &[("host", "10.1.2.3:80")], "").expect(200);
    }
}

fn listed_names_are_served(pair: Pair) {
    let variables = [
        ("allowed_hosts", "tasks.example.org, *.example.net:8080"),
        ("cors_origins", "https://app.example.org"),
    ];
    let host = Host::start(pair, &variables);
    for name in [
        "tasks.example.org",
        "tasks.example.org:3000",
        "a.example.net:8080",
    ] {
        send(&host, "GET", "/ping", &[("host", name)], "").expect(202);
    }
    let reply = send(&host, "GET", "/ping", &[("host", "example.net:8080")], "");
    reply.expect_problem(403, "host-not-allowed", None);
    // Behind a proxy with TLS.
    let at_home = [
        ("host", "tasks.example.org"),
        ("origin", "https://tasks.example.org"),
    ];
    send(&host, "POST", "/gather", &at_home, r#"{"waits":["0s"]}"#).expect(200);
    let listed = [
        ("host", "localhost"),
        ("origin", "https://app.example.org"),
        ("sec-fetch-site", "cross-site"),
    ];
    send(&host, "POST", "/ping", &listed, "").expect(202);

    let host = Host::start(pair, &[("allowed_hosts", "https://tasks.example.org")]);
    let reply = send(&host, "GET", "/ping", &[("host", "tasks.example.org")], "");
    reply.expect_problem(500, "misconfigured", None);
    assert!(reply.text().contains("allowed_hosts"), "{}", reply.text());
}

fn tokens_need_no_names(pair: Pair) {
    let token = ("authorization", "Bearer t0ken");
    let foreign = [
        token,
        ("host", "any.example"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let host = Host::start(pair, &[("api_tokens", "t0ken")]);
    send(&host, "POST", "/ping", &foreign, "").expect(202);
    send(&host, "POST", "/gather", &foreign, r#"{"waits":["0s"]}"#).expect(200);

    // With a list it counts for every method, also with a token.
    let variables = [
        ("api_tokens", "t0ken"),
        ("cors_origins", "https://app.example.org"),
    ];
    let host = Host::start(pair, &variables);
    for (method, path, body) in CALLS {
        let reply = send(&host, method, path, &foreign, body);
        reply.expect_problem(403, "origin-not-allowed", None);
    }
    let own = [
        token,
        ("host", "any.example"),
        ("origin", "https://any.example"),
    ];
    send(&host, "POST", "/ping", &own, "").expect(202);
    send(
        &host,
        "POST",
        "/ping",
        &[token, ("host", "any.example")],
        "",
    )
    .expect(202);
}
