//! Pages of other origins: what browsers are told.

use handoff_e2e::{Client, Host, Pair, Reply, on_every_pair};

on_every_pair!(
    nothing_is_said_by_default,
    listed_origins_may_call,
    anybody_may_call,
    a_wrong_list_is_said
);

const OWN: &str = "https://app.example.org";
const OTHER: &str = "https://evil.example.org";
const PATHS: [&str; 5] = [
    "/v1/tasks",
    "/status/unknown",
    "/gather",
    "/healthz",
    "/openapi.json",
];

fn preflight(http: &Client, path: &str, origin: &str) -> Reply {
    let asked = ("access-control-request-method", "POST");
    let headers = ("access-control-request-headers", "authorization");
    http.send("OPTIONS", path, &[("origin", origin), asked, headers], b"")
}

fn get(http: &Client, path: &str, origin: Option<&str>) -> Reply {
    let origin: Vec<_> = origin
        .map(|origin| ("origin", origin))
        .into_iter()
        .collect();
    http.send("GET", path, &origin, b"")
}

fn allowed(reply: &Reply) -> Option<&str> {
    reply.header("access-control-allow-origin")
}

fn nothing_is_said_by_default(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    for path in PATHS {
        for reply in [preflight(http, path, OWN), get(http, path, Some(OWN))] {
            reply.expect_problem(403, "origin-not-allowed", None);
            let names = reply.headers.keys().map(|name| name.as_str());
            let said = names.filter(|n| *n == "vary" || n.starts_with("access-control-"));
            assert_eq!(said.count(), 0, "{path}: {:?}", reply.headers);
        }
    }
}

fn listed_origins_may_call(pair: Pair) {
    let origins = format!("http://localhost:5173, {OWN}");
    let variables = [("cors_origins", origins.as_str()), ("api_tokens", "t0ken")];
    let host = Host::start(pair, &variables);
    let http = host.http();
    for path in PATHS {
        eprintln!("{path}");
        // Without a token: browsers send none.
        let reply = preflight(http, path, OWN).expect(204);
        assert_eq!(allowed(&reply), Some(OWN));
        assert_eq!(reply.header("vary"), Some("Origin"));
        let list = |name: &str| reply.header(name).unwrap_or_default().to_lowercase();
        assert!(list("access-control-allow-methods").contains("delete"));
        for name in ["authorization", "content-type", "traceparent"] {
            assert!(list("access-control-allow-headers").contains(name));
        }
        let seconds = reply
            .header("access-control-max-age")
            .map(str::parse::<u32>);
        assert!(matches!(seconds, Some(Ok(1..))), "{seconds:?}");
        assert!(reply.body.is_empty());

        let reply = preflight(http, path, OTHER);
        reply.expect_problem(403, "origin-not-allowed", None);
        assert!(reply.text().contains(OTHER) && reply.text().contains("cors_origins"));
        assert_eq!(
            (allowed(&reply), reply.header("vary")),
            (None, Some("Origin"))
        );

        // Errors can be read, too.
        let is_public = matches!(path, "/healthz" | "/openapi.json");
        let status = if is_public { 200 } else { 401 };
        let reply = get(http, path, Some(OWN)).expect(status);
        assert_eq!(
            (allowed(&reply), reply.header("vary")),
            (Some(OWN), Some("Origin"))
        );
        for origin in [Some(OTHER), Some("null"), None] {
            let reply = get(http, path, origin);
            match origin {
                Some(_) => reply.expect_problem(403, "origin-not-allowed", None),
                None => assert_eq!(reply.status, status, "{}", reply.text()),
            }
            let varies = origin.map(|_| "Origin");
            assert_eq!((allowed(&reply), reply.header("vary")), (None, varies));
        }
    }
    let token = ("authorization", "Bearer t0ken");
    for (method, path, body, status) in [
        ("POST", "/v1/tasks", r#"{"task":"echo"}"#, 202),
        ("POST", "/v1/tasks", "{", 400),
        ("POST", "/gather", "{", 400),
        ("POST", "/gather", r#"{"waits":["0s"]}"#, 200),
        ("GET", "/nowhere", "", 404),
        ("PUT", "/ping", "{}", 405),
    ] {
        let headers = [token, ("origin", OWN), ("content-type", "application/json")];
        let reply = http
            .send(method, path, &headers, body.as_bytes())
            .expect(status);
        assert_eq!(
            (allowed(&reply), reply.header("vary")),
            (Some(OWN), Some("Origin"))
        );
        let exposed = reply
            .header("access-control-expose-headers")
            .unwrap_or_default();
        assert!(exposed.contains("location"), "{exposed}");
    }
    // Not what a browser asks: no method is named.
    let reply = http
        .send("OPTIONS", "/ping", &[token, ("origin", OWN)], b"")
        .expect(204);
    assert_eq!(reply.header("allow"), Some("GET, POST, OPTIONS"));
}

fn anybody_may_call(pair: Pair) {
    let host = Host::start(pair, &[("cors_origins", "*")]);
    let http = host.http();
    for path in PATHS {
        let reply = preflight(http, path, OTHER).expect(204);
        assert_eq!(allowed(&reply), Some("*"));
        assert_eq!(allowed(&get(http, path, Some(OTHER))), Some("*"));
    }
}

fn a_wrong_list_is_said(pair: Pair) {
    let host = Host::start(pair, &[("cors_origins", "https://app.example.org/")]);
    let http = host.http();
    for path in ["/v1/tasks", "/gather"] {
        let reply = get(http, path, Some(OWN));
        reply.expect_problem(500, "misconfigured", None);
        let text = reply.text();
        assert!(
            text.contains("cors_origins") && text.contains("no path"),
            "{text}"
        );
    }
    http.get("/healthz").expect(200);
}
