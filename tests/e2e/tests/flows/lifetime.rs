//! Hosts that end an instance sooner than Spin does: with its response, or when nobody waits for that any more.

use handoff_e2e::{Answer, Host, Manifest, Pair, TestServer, on, until};
use serde_json::{Value, json};
use std::time::Duration;

// Spin lets an instance do more than it is said to.
on!(Some: work_goes_on_when_nobody_comes: local_sqlite LOCAL_SQLITE, local_outbound LOCAL_OUTBOUND, spin_sqlite SPIN_SQLITE);
on!(Some: a_tick_holds_workers: local_sqlite LOCAL_SQLITE, local_outbound LOCAL_OUTBOUND, spin_sqlite SPIN_SQLITE);

on!(Some: how_long_a_host_lets_instances_live_is_found_out: local_memory LOCAL_MEMORY);
on!(Some: a_lifetime_that_cannot_be_used_is_found_out: local_memory LOCAL_MEMORY, spin_sqlite SPIN_SQLITE);

const SOON: Duration = Duration::from_secs(40);

/// Starts a host that lets instances live so long, and says so.
fn start(pair: Pair, lives: &str, said: &str, variables: &[(&str, &str)]) -> Host {
    let said = format!("HANDOFF_WORKER_LIFETIME={said}");
    let mut options = vec!["--env", &said];
    if pair.is_local() {
        options.extend(["--lifetime", lives]);
    }
    Host::start_with(pair, variables, &options)
}

fn how_long_a_host_lets_instances_live_is_found_out(pair: Pair) {
    for (lives, said, found) in [
        ("after-response", "after-response", "after-response"),
        ("after-response", "tick", "after-response"),
        ("response", "response", "response"),
        ("request", "tick", "tick"),
    ] {
        let host = start(pair, lives, said, &[]);
        let ready = host.http().get("/readyz").expect(200).json();
        assert_eq!(ready, json!({"status": "ready", "worker_lifetime": found}));
    }
    for (lives, said, found) in [
        ("response", "after-response", "response"),
        ("request", "after-response", "tick"),
        ("request", "response", "tick"),
    ] {
        let host = start(pair, lives, said, &[]);
        let ready = host.http().get("/readyz").expect(200).json();
        assert_eq!(ready["worker_lifetime"], found, "{ready:#}");
        let warning = ready["warnings"][0].as_str().unwrap_or_default();
        let remedy = format!("Set HANDOFF_WORKER_LIFETIME = \"{found}\" in `environment`");
        assert!(warning.contains(&remedy), "{ready:#}");
    }
}

fn a_lifetime_that_cannot_be_used_is_found_out(pair: Pair) {
    let host = start(pair, "after-response", "for ever", &[]);
    let reply = host.http().get("/readyz");
    reply.expect_problem(500, "misconfigured", None);
    let says = [
        "HANDOFF_WORKER_LIFETIME",
        "for ever",
        "after-response",
        "tick",
    ];
    let text = reply.text();
    assert!(says.iter().all(|part| text.contains(part)), "{text}");
    // Tasks run as on a host of which nothing is said.
    let id = host.http().enqueue(&json!({"task": "echo", "args": 1}));
    assert_eq!(host.http().succeeded(&id, SOON)["result"], 1);

    let role = "HANDOFF_ROLE = \"worker\"";
    let other = format!("{role}, HANDOFF_WORKER_LIFETIME = \"tick\"");
    let manifest = Manifest::changed(&[(role, &other)]);
    let host = Host::start_other(pair, manifest.path());
    let reply = host.http().get("/readyz");
    reply.expect_problem(500, "misconfigured", None);
    let text = reply.text();
    assert!(text.contains("for: HANDOFF_WORKER_LIFETIME"), "{text}");

    let named = format!("{role}, HANDOFF_WORKER_LIFETIME = \"after-response\"");
    let manifest = Manifest::changed(&[(role, &named)]);
    let host = Host::start_other(pair, manifest.path());
    host.http().get("/readyz").expect(200);

    let reaches = "allowed_outbound_hosts = [\n    \"http://handoff-worker.spin.internal\",";
    let manifest = Manifest::changed(&[(reaches, "allowed_outbound_hosts = [")]);
    let host = Host::start_other(pair, manifest.path());
    let reply = host.http().get("/readyz");
    reply.expect_problem(503, "worker-unreachable", None);
    let text = reply.text();
    assert!(
        text.contains("of [component.handoff-worker] name"),
        "{text}"
    );
}

/// One request is all. A delay that outlasts a worker's budget, a retry and a webhook follow from it.
fn work_goes_on_when_nobody_comes(pair: Pair) {
    let server = TestServer::start(|received| match (received.path.as_str(), received.nth) {
        ("/task", 1) => Answer::new(503, ""),
        _ => Answer::new(200, "{}"),
    });
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let variables = [("worker_budget", "2s"), ("webhook_secrets", secret)];
    let host = start(pair, "response", "response", &variables);
    host.http().enqueue(&json!({
        "task": "http.request",
        "args": {"url": server.url("/task")},
        "delay": "6s",
        "retry": {"initial": "3s"},
        "webhook": server.url("/end"),
    }));
    let ended = until("the webhook comes", SOON, || server.received("/end").pop());
    assert_eq!(server.received("/task").len(), 2);
    let ended: Value = serde_json::from_slice(&ended.body).expect("JSON");
    assert_eq!(ended["data"]["state"], "succeeded", "{ended:#}");
    assert_eq!(ended["data"]["attempt"], 2, "{ended:#}");
}

/// No worker runs until a tick comes, and all that waits has run when it is answered.
fn a_tick_holds_workers(pair: Pair) {
    let host = start(pair, "request", "tick", &[("queues", "mail")]);
    let http = host.http();
    let task = |queue: &str| json!({"task": "sleep", "args": {"for": "1s"}, "queue": queue});
    let ids = ["default", "mail"].map(|queue| http.enqueue(&task(queue)));
    let waited = http.get(&format!("/v1/tasks/{}?wait=2s", ids[0]));
    assert_eq!(waited.expect(200).json()["state"], "queued");
    http.get("/metrics").expect(200);
    assert_eq!(http.task(&ids[0])["state"], "queued");
    http.get("/healthz").expect(200);
    for id in ids {
        let task = http.task(&id);
        assert_eq!(task["state"], "succeeded", "{task:#}");
        assert_eq!(task["attempt"], 1, "{task:#}");
    }
    // With a keeper there none is held.
    let id = http.enqueue(&json!({"task": "sleep", "args": {"for": "8s"}}));
    std::thread::scope(|scope| {
        let tick = scope.spawn(|| http.get("/healthz").expect(200));
        until("a worker is held", SOON, || {
            (http.task(&id)["state"] == "running").then_some(())
        });
        http.get("/healthz").expect(200);
        assert_eq!(http.task(&id)["state"], "running");
        tick.join().expect("it is answered")
    });
    assert_eq!(http.task(&id)["state"], "succeeded");
}
