//! What a worker prints about tasks: the variable `log`.

use handoff_e2e::{Answer, Host, Pair, TestServer, on_every_pair, until};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(a_line_for_each_begin_and_end, as_json);

const SOON: Duration = Duration::from_secs(20);

fn server() -> TestServer {
    TestServer::start(|_| Answer::new(500, "out of order"))
}

/// Runs a task that succeeds and one that fails twice. Returns their ids.
fn run_both(host: &Host, server: &TestServer) -> [String; 2] {
    let http = host.http();
    let succeeds = http.enqueue(&json!({"task": "echo"}));
    let call = json!({"url": server.url("/broken")});
    let retry = json!({"attempts": 2, "initial": "1ms", "max": "1ms"});
    let fails = http.enqueue(&json!({"task": "http.request", "args": call, "retry": retry}));
    http.succeeded(&succeeds, SOON);
    until("it fails", SOON, || {
        (http.task(&fails)["state"] == "failed").then_some(())
    });
    [succeeds, fails]
}

/// Waits for a line of the worker, which it prints when a client may see the end already.
fn printed(host: &Host, is_it: impl Fn(&str) -> bool) -> String {
    until("the line is printed", SOON, || {
        let output = host.output();
        output.lines().find(|line| is_it(line)).map(str::to_owned)
    })
}

fn a_line_for_each_begin_and_end(pair: Pair) {
    let server = server();
    let mut host = Host::start(pair, &[("log", "tasks")]);
    let [succeeds, fails] = run_both(&host, &server);
    printed(&host, |line| {
        line.ends_with(&format!("handoff: echo {succeeds} begins"))
    });
    printed(&host, |line| {
        line.contains(&format!("handoff: echo {succeeds} succeeded after "))
    });
    let retries = format!("handoff: http.request {fails} failed after ");
    let retries = printed(&host, |line| line.contains(&retries));
    assert!(
        retries.contains("; tries again in ") && retries.contains("500"),
        "{retries}"
    );
    printed(&host, |line| {
        line.ends_with(&format!("http.request {fails} begins, attempt 2"))
    });
    let last = format!("http.request {fails} failed for good after ");
    let last = printed(&host, |line| line.contains(&last));
    assert!(last.contains(", attempt 2: "), "{last}");

    // By default only errors.
    host.restart_with("log", "errors");
    let [succeeds, fails] = run_both(&host, &server);
    let last = format!("http.request {fails} failed for good after ");
    printed(&host, |line| line.contains(&last));
    let output = host.output();
    assert!(!output.contains(&format!("{succeeds} ")), "{output}");
    assert!(!output.contains(&format!("{fails} begins")), "{output}");
}

fn as_json(pair: Pair) {
    let server = server();
    let host = Host::start(pair, &[("log", "tasks json")]);
    let [succeeds, fails] = run_both(&host, &server);
    let event = |id: &str, name: &str| -> Value {
        let event = format!("\"event\":\"{name}\"");
        let line = printed(&host, |line| line.contains(id) && line.contains(&event));
        let json = line.find('{').map(|at| &line[at..]);
        serde_json::from_str(json.expect("an object")).expect("JSON")
    };
    let ended = event(&succeeds, "succeeded");
    assert_eq!(
        (&ended["task"], &ended["attempt"]),
        (&json!("echo"), &json!(1))
    );
    assert!(
        ended["at"].is_string() && ended["took_ms"].is_u64(),
        "{ended}"
    );
    let retries = event(&fails, "retries");
    assert!(retries["again_at"].is_string(), "{retries}");
    let failed = event(&fails, "failed");
    assert_eq!(failed["attempt"], 2);
    let error = failed["error"].as_str().expect("a text");
    assert!(error.contains("500"), "{error}");
}
