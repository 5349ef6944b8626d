//! Bodies that can't be used: each is refused with what is wrong, and changes nothing.

use crate::unchanged::changes_nothing;
use handoff_e2e::{Host, Pair, Reply, on_every_pair};

on_every_pair!(
    refused_bodies,
    refused_arrays,
    broken_within,
    refused_content_types
);

type Body = (&'static [u8], Option<&'static str>);

/// Bodies for `POST /v1/tasks`, and the field that is named.
const BODIES: &[Body] = &[
    // No JSON.
    (b"", None),
    (b" ", None),
    (b"{", None),
    (b"{\"task\": \"echo\"", None),
    (b"{\"task\": \"echo\"} {}", None),
    (b"{'task': 'echo'}", None),
    (b"{\"task\": \"echo\",}", None),
    (b"task=echo", None),
    (b"\0", None),
    (b"{\"task\": \"echo\"}\0", None),
    (b"\xff\xfe{\0}\0", None),
    // JSON, but no object.
    (b"null", None),
    (b"[]", None),
    (b"\"echo\"", None),
    (b"7", None),
    // The task's name.
    (b"{}", Some("task")),
    (br#"{"args": {}}"#, Some("task")),
    (br#"{"task": null}"#, Some("task")),
    (br#"{"task": 1}"#, Some("task")),
    (br#"{"task": ""}"#, Some("task")),
    (br#"{"task": "no.such"}"#, Some("task")),
    (br#"{"task": "echo\u0000"}"#, Some("task")),
    (br#"{"task": "ECHO"}"#, Some("task")),
    (b"{\"task\": \"ech\xffo\"}", Some("task")),
    (br#"{"task": "\ud800"}"#, Some("task")),
    // Only there if the variable fault_tasks says so.
    (
        br#"{"task": "fault", "args": {"how": "panic"}}"#,
        Some("task"),
    ),
    // Fields that are unknown, or there twice.
    (br#"{"task": "echo", "argz": {}}"#, Some("argz")),
    (br#"{"task": "echo", "": {}}"#, Some("")),
    (br#"{"task": "echo", "task": "echo"}"#, Some("task")),
    (
        br#"{"task": "echo", "retry": {"tries": 1}}"#,
        Some("retry.tries"),
    ),
    // Arguments.
    (br#"{"task": "sleep"}"#, Some("args.for")),
    (br#"{"task": "sleep", "args": null}"#, Some("args.for")),
    (
        br#"{"task": "sleep", "args": {"for": 5}}"#,
        Some("args.for"),
    ),
    (
        br#"{"task": "sleep", "args": {"for": "5"}}"#,
        Some("args.for"),
    ),
    (
        br#"{"task": "sleep", "args": {"for": "1s", "x": 1}}"#,
        Some("args.x"),
    ),
    (
        br#"{"task": "primes.count", "args": {"below": -1}}"#,
        Some("args.below"),
    ),
    (
        br#"{"task": "primes.count", "args": {"below": 1.5}}"#,
        Some("args.below"),
    ),
    (
        br#"{"task": "primes.count", "args": {"below": "7"}}"#,
        Some("args.below"),
    ),
    (
        br#"{"task": "primes.count", "args": {"below": 1000000000001}}"#,
        Some("args.below"),
    ),
    (
        br#"{"task": "primes.count", "args": {"below": 99999999999999999999}}"#,
        Some("args.below"),
    ),
    (
        br#"{"task": "http.request", "args": {"url": "/relative"}}"#,
        Some("args.url"),
    ),
    (
        br#"{"task": "http.request", "args": {"url": "ftp://127.0.0.1/"}}"#,
        Some("args.url"),
    ),
    (
        br#"{"task": "http.request", "args": {"url": "http://"}}"#,
        Some("args.url"),
    ),
    // Durations and times.
    (br#"{"task": "echo", "delay": "-1s"}"#, Some("delay")),
    (br#"{"task": "echo", "delay": 1}"#, Some("delay")),
    (br#"{"task": "echo", "delay": "soon"}"#, Some("delay")),
    (br#"{"task": "echo", "delay": "31d"}"#, Some("delay")),
    (
        br#"{"task": "echo", "delay": "99999999999999999999s"}"#,
        Some("delay"),
    ),
    (br#"{"task": "echo", "delay": "NaNs"}"#, Some("delay")),
    (
        br#"{"task": "echo", "delay": "1s", "eta": "2020-01-01T00:00:00Z"}"#,
        Some("eta"),
    ),
    (br#"{"task": "echo", "eta": "2020-01-01"}"#, Some("eta")),
    (
        br#"{"task": "echo", "eta": "9999-12-31T23:59:59Z"}"#,
        Some("eta"),
    ),
    (
        br#"{"task": "echo", "eta": "-009999-01-01T00:00:00Z"}"#,
        Some("eta"),
    ),
    (br#"{"task": "echo", "timeout": "0s"}"#, Some("timeout")),
    (br#"{"task": "echo", "timeout": "25h"}"#, Some("timeout")),
    (br#"{"task": "echo", "timeout": ["1s"]}"#, Some("timeout")),
    (br#"{"task": "echo", "retention": "1s"}"#, Some("retention")),
    (
        br#"{"task": "echo", "retention": "31d"}"#,
        Some("retention"),
    ),
    // Expiry.
    (
        br#"{"task": "echo", "priority": "urgent"}"#,
        Some("priority"),
    ),
    (br#"{"task": "echo", "priority": "High"}"#, Some("priority")),
    (br#"{"task": "echo", "priority": ""}"#, Some("priority")),
    (br#"{"task": "echo", "priority": 1}"#, Some("priority")),
    (br#"{"task": "echo", "expires": "0s"}"#, Some("expires")),
    (br#"{"task": "echo", "expires": "-1s"}"#, Some("expires")),
    (br#"{"task": "echo", "expires": "soon"}"#, Some("expires")),
    (br#"{"task": "echo", "expires": 60}"#, Some("expires")),
    (br#"{"task": "echo", "expires": "31d"}"#, Some("expires")),
    (
        br#"{"task": "echo", "expires": "2020-01-01T00:00:00Z"}"#,
        Some("expires"),
    ),
    (
        br#"{"task": "echo", "expires": "9999-12-31T23:59:59Z"}"#,
        Some("expires"),
    ),
    (
        br#"{"task": "echo", "delay": "1h", "expires": "1h"}"#,
        Some("expires"),
    ),
    // Retries.
    (br#"{"task": "echo", "retry": 3}"#, Some("retry")),
    (
        br#"{"task": "echo", "retry": {"attempts": 0}}"#,
        Some("retry.attempts"),
    ),
    (
        br#"{"task": "echo", "retry": {"attempts": -1}}"#,
        Some("retry.attempts"),
    ),
    (
        br#"{"task": "echo", "retry": {"attempts": 51}}"#,
        Some("retry.attempts"),
    ),
    (
        br#"{"task": "echo", "retry": {"attempts": 4294967297}}"#,
        Some("retry.attempts"),
    ),
    (
        br#"{"task": "echo", "retry": {"attempts": 1e2}}"#,
        Some("retry.attempts"),
    ),
    (
        br#"{"task": "echo", "retry": {"factor": 0.5}}"#,
        Some("retry.factor"),
    ),
    (
        br#"{"task": "echo", "retry": {"factor": 1e308}}"#,
        Some("retry.factor"),
    ),
    (
        br#"{"task": "echo", "retry": {"factor": "2"}}"#,
        Some("retry.factor"),
    ),
    (
        br#"{"task": "echo", "retry": {"initial": "-PT1S"}}"#,
        Some("retry.initial"),
    ),
    (
        br#"{"task": "echo", "retry": {"max": "1 year"}}"#,
        Some("retry.max"),
    ),
];

/// Bodies that stop making sense in the middle of a field: whether it is named is left open.
const BROKEN_WITHIN: &[&[u8]] = &[
    br#"{"task": "echo", "retry": {"factor": NaN}}"#,
    br#"{"task": "echo", "retry": {"factor": Infinity}}"#,
    br#"{"task": "echo", "retry": {"factor": 1e999}}"#,
    br#"{"task": "echo", "args": 01}"#,
    br#"{"task": "echo", "args": "\x"}"#,
    b"{\"task\": \"echo\", \"args\": \"\0\"}",
    b"{\"task\": \"echo\", \"args\": \"\xc3\x28\"}",
    b"{\"task\": \"echo\", \"args\": [}",
];

/// All fields in their order, but in arrays where objects are expected.
const ARRAYS: &[Body] = &[
    (br#"["echo", {}, null, null, null, null, null]"#, None),
    (br#"{"task": "sleep", "args": ["1s"]}"#, Some("args")),
    (
        br#"{"task": "echo", "retry": [3, null, null, null]}"#,
        Some("retry"),
    ),
];

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(host: &Host, body: &[u8]) -> Reply {
    host.http().send("POST", "/v1/tasks", &[JSON], body)
}

/// Refuses all of them; says of each what is different.
fn refuses(pair: Pair, bodies: &[Body]) {
    let host = Host::start(pair, &[]);
    changes_nothing(&host, |host| {
        let check = |(body, field): &Body| {
            let reply = post(host, body);
            let checked = reply.is_problem(400, "invalid-request", *field);
            let difference = checked.err()?;
            Some(format!("{}\n  {difference}", String::from_utf8_lossy(body)))
        };
        let wrong: Vec<_> = bodies.iter().filter_map(check).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

fn refused_bodies(pair: Pair) {
    refuses(pair, BODIES);
}

fn refused_arrays(pair: Pair) {
    refuses(pair, ARRAYS);
}

fn broken_within(pair: Pair) {
    let host = Host::start(pair, &[]);
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(10_000), close.repeat(10_000));
        format!("{{\"task\": \"echo\", \"args\": {open}1{close}}}").into_bytes()
    };
    let deep = [deep("[", "]"), deep("{\"a\":", "}"), b"[".repeat(10_000)];
    let deep = deep.iter().map(Vec::as_slice);
    changes_nothing(&host, |host| {
        for body in BROKEN_WITHIN.iter().copied().chain(deep) {
            let start = &body[..body.len().min(80)];
            eprintln!("{}", String::from_utf8_lossy(start));
            let reply = post(host, body);
            let field = reply.json()["field"].as_str().map(str::to_owned);
            reply.expect_problem(400, "invalid-request", field.as_deref());
        }
    });
}

fn refused_content_types(pair: Pair) {
    let host = Host::start(pair, &[]);
    changes_nothing(&host, |host| {
        for kind in [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/xml",
            "json",
            "application/jsonp",
            "",
        ] {
            let body = br#"{"task": "echo"}"#;
            let headers = [("content-type", kind)];
            for path in ["/v1/tasks", "/v1/tasks:batch", "/gather"] {
                eprintln!("{path} {kind:?}");
                let reply = host.http().send("POST", path, &headers, body);
                reply.expect_problem(415, "unsupported-media-type", None);
            }
        }
    });
}
