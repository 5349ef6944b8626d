//! The worker can't be reached from outside, by whatever name.

use handoff_e2e::{Client, Host, Pair, exchange, on_every_pair, until};
use serde_json::json;
use std::time::Duration;

on_every_pair!(worker_is_out_of_reach);

const LIMIT: Duration = Duration::from_secs(40);
/// Every worker begins by writing a key that begins like this.
const REGISTRATION: &str = "q.default.w.";

fn request(method: &str, target: &str, name: &str) -> Vec<u8> {
    let end = "content-length: 0\r\nconnection: close\r\n\r\n";
    format!("{method} {target} HTTP/1.1\r\nhost: {name}\r\n{end}").into()
}

fn worker_is_out_of_reach(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();

    // None of these gets as far as the queue.
    requests_by_name_are_refused(&host);
    gathered_calls_are_refused(http);
    assert!(
        !host.has_stored(REGISTRATION),
        "a worker ran, though nothing was enqueued"
    );

    // The public component answers these. After them it looks after the queue, as after any request.
    paths_are_unknown(&host);
    targets_with_a_host_are_refused(&host);
    tasks_that_call_it_fail(http);
    task_that_calls_it_through_gather_fails(http);

    // What was looked for above is there once a worker ran.
    until("a worker has registered", LIMIT, || {
        host.has_stored(REGISTRATION).then_some(())
    });
}

fn requests_by_name_are_refused(host: &Host) {
    for name in [
        "handoff-worker.spin.internal",
        "handoff-worker.spin.internal:80",
        "HANDOFF-WORKER.spin.internal",
    ] {
        let request = request("POST", "/work", name);
        if let Some(reply) = exchange(host.address(), &request) {
            assert_eq!(reply.status, 400, "{name}: {}", reply.text());
        }
    }
}

fn gathered_calls_are_refused(http: &Client) {
    for url in [
        "http://handoff-worker.spin.internal/work",
        "http://HANDOFF-WORKER.spin.internal:80/work",
        "http://handoff-worker.spin.internal./work",
        "http://x@handoff-worker.spin.internal/work",
    ] {
        let gather = json!({"requests": [{"url": url, "method": "POST"}]});
        let reply = http.post("/gather", &gather);
        if reply.status == 200 {
            let result = &reply.json()["results"][0];
            assert!(result["error"].is_string(), "{url}: {result}");
        } else {
            reply.expect_problem(400, "invalid-request", Some("requests[0].url"));
        }
    }
}

fn paths_are_unknown(host: &Host) {
    let own_name = host.address().to_string();
    for path in [
        "/work",
        "/keep",
        "/probe/probe.1",
        "/work/default",
        "/keep/default",
        "/shared",
        "/variables",
        "/reach/echo",
        "/worker",
        "/worker/",
        "/worker/work",
        "//work",
        "/worker/../work",
        "/./work",
        "/%77ork",
        "/..//work",
        "/gather/work",
    ] {
        for method in ["GET", "POST"] {
            let reply = exchange(host.address(), &request(method, path, &own_name));
            let reply = reply.unwrap_or_else(|| panic!("{method} {path}: no answer"));
            let checked = reply.is_problem(404, "not-found", None);
            assert_eq!(checked, Ok(()), "{method} {path}");
            // The worker knows no such path either, but says so in other words.
            assert!(
                reply.text().contains("is not a path of this application"),
                "{method} {path}: {}",
                reply.text()
            );
        }
    }
}

fn targets_with_a_host_are_refused(host: &Host) {
    let own_name = host.address().to_string();
    for name in [&own_name, "handoff-worker.spin.internal"] {
        let request = request("POST", "http://handoff-worker.spin.internal/work", name);
        if let Some(reply) = exchange(host.address(), &request) {
            let text = reply.text();
            assert!(
                matches!(reply.status, 400 | 404),
                "{}: {text}",
                reply.status
            );
        }
    }
}

fn tasks_that_call_it_fail(http: &Client) {
    for url in [
        "http://handoff-worker.spin.internal/work",
        "http://Handoff-Worker.Spin.Internal/work",
        "http://handoff-worker.spin.internal:80/keep",
    ] {
        let args = json!({"url": url, "method": "POST"});
        let task = json!({"task": "http.request", "args": args, "retry": {"attempts": 1}});
        let reply = http.post("/v1/tasks", &task);
        if reply.status != 202 {
            reply.expect_problem(400, "invalid-request", Some("args.url"));
            continue;
        }
        let id = reply.json()["id"].as_str().expect("an id").to_owned();
        let task = http.finished(&id, LIMIT);
        assert_eq!(task["state"], "failed", "{task:#}");
        let error = task["error"].as_str().unwrap_or_default();
        assert!(error.contains("private"), "{error}");
    }
}

/// `gather` may not call the worker either.
fn task_that_calls_it_through_gather_fails(http: &Client) {
    let inner = json!({"requests": [{"url": "http://handoff-worker.spin.internal/work", "method": "POST"}]});
    let args = json!({"url": "http://handoff-gather.spin.internal/gather", "body": inner});
    let id = http.enqueue(&json!({"task": "http.request", "args": args, "retry": {"attempts": 1}}));
    let task = http.finished(&id, LIMIT);
    assert_eq!(task["state"], "failed", "{task:#}");
}
