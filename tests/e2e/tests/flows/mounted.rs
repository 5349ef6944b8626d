//! The application below another path.

use handoff_e2e::{Client, Host, Manifest, Pair, on, until};
use serde_json::{Value, json};
use std::time::Duration;

on!(Some: below_a_route_of_its_own: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: a_narrow_route_opens_nothing_else: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

const LIMIT: Duration = Duration::from_secs(60);

fn below_a_route_of_its_own(pair: Pair) {
    let manifest = Manifest::changed(&[
        ("route = \"/...\"", "route = \"/jobs/handoff/...\""),
        ("route = \"/gather\"", "route = \"/jobs/handoff/gather\""),
    ]);
    let host = Host::start_other(pair, manifest.path());
    let http = host.http();
    http.get("/jobs/handoff/readyz").expect(200);

    // Whoever follows what an answer names arrives, also when it leaves out a part by itself.
    let enqueued = http.post(
        "/jobs/handoff/v1/tasks",
        &json!({"task": "echo", "args": 1}),
    );
    let location = enqueued.expect(202).header("location").map(str::to_owned);
    let location = location.expect("where the task is");
    assert!(
        location.starts_with("/jobs/handoff/v1/tasks/default-"),
        "{location}"
    );
    let task = until("it has ended", LIMIT, || {
        let task = http.get(&location).expect(200).json();
        (task["state"] == "succeeded").then_some(task)
    });
    assert_eq!(task["result"], 1);
    let ping = http.get("/jobs/handoff/ping").expect(202);
    let status = ping.header("location").expect("where its status is");
    http.get(status).expect(200);

    let group = json!({"group": {"task": "echo", "each": [1, 2, 3]}});
    let workflow = http
        .post("/jobs/handoff/v1/workflows", &group)
        .expect(202)
        .json();
    let tasks = workflow["tasks"].as_str().expect("where its tasks are");
    let page = http.get(&format!("{tasks}?limit=2")).expect(200).json();
    let next = page["next"].as_str().expect("there is another page");
    assert!(next.starts_with("/jobs/handoff/"), "{next}");
    http.get(next).expect(200);

    // A proxy leaves out a part.
    let behind = |prefix: &str| {
        let path = workflow["id"]
            .as_str()
            .map(|id| format!("/jobs/handoff/v1/workflows/{id}"));
        let headers = [("x-forwarded-prefix", prefix)];
        let reply = http.send("GET", &path.expect("an id"), &headers, b"");
        reply.expect(200).json()["tasks"]
            .as_str()
            .map(str::to_owned)
            .unwrap_or_default()
    };
    assert_eq!(behind("/shop/"), format!("/shop{tasks}"));
    for wrong in ["//evil.example", "https://evil.example", "/a b", "", "/"] {
        assert_eq!(behind(wrong), tasks, "{wrong}");
    }

    // A component of the application calls it without its route.
    let call = json!({"url": "http://handoff.spin.internal/v1/workflows", "body": group});
    let id = json!({"task": "http.request", "args": call});
    let called = http
        .post("/jobs/handoff/v1/tasks?wait=30s", &id)
        .expect(200)
        .json();
    let inner = &called["result"]["body"];
    let expected = format!(
        "/v1/workflows/{}/tasks",
        inner["id"].as_str().unwrap_or_default()
    );
    assert_eq!(inner["tasks"], Value::from(expected), "{called:#}");

    the_document_names_the_route(http);

    let wrong = http.get("/jobs/handoff/v1/task/x");
    wrong.expect_problem(404, "not-found", None);
    let gathered = http.post("/jobs/handoff/gather", &json!({"waits": ["1ms"]}));
    gathered.expect(200);
}

/// Programs call the server that the document names.
fn the_document_names_the_route(http: &Client) {
    let server = |prefix: &str| {
        let headers = [("x-forwarded-prefix", prefix)];
        let reply = http.send("GET", "/jobs/handoff/openapi.json", &headers, b"");
        reply.expect(200).json()["servers"][0]["url"].clone()
    };
    assert_eq!(server(""), "/jobs/handoff");
    assert_eq!(server("/shop/"), "/shop/jobs/handoff");
}

/// Routes that open a part of the API, and what a caller may say about the path.
fn a_narrow_route_opens_nothing_else(pair: Pair) {
    let manifest = Manifest::changed(&[(
        "[[trigger.http]]\nroute = \"/...\"",
        "[[trigger.http]]\nroute = \"/status/...\"\ncomponent = \"handoff\"\n\n[[trigger.http]]\nroute = \"/v1/...\"",
    )]);
    let host = Host::start_other(pair, manifest.path());
    let http = host.http();
    let enqueued = http.post("/v1/tasks", &json!({"task": "echo"})).expect(202);
    let id = enqueued.json()["id"]
        .as_str()
        .map(str::to_owned)
        .expect("an id");
    http.get(&format!("/status/{id}")).expect(200);
    let purge = "/v1/queues/default/purge";
    for path in [
        format!("/status{purge}"),
        format!("/v1{purge}"),
        "/v1/ping".to_owned(),
    ] {
        for header in [purge, "/ping", "", "/"] {
            let forged = [("spin-path-info", header)];
            let reply = http.send("POST", &path, &forged, b"");
            assert_eq!(reply.status, 404, "{path} {header}: {}", reply.text());
        }
    }
    let forged = [("spin-path-info", "/queues")];
    http.send("GET", "/v1/queues", &forged, b"").expect(200);
}
