//! Chains, groups and chords.

use handoff_e2e::{Client, Host, Pair, measured, on_every_pair, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_every_pair!(
    a_chain_feeds_its_steps,
    a_chord_gets_all_results_in_order,
    failures_of_a_group,
    ten_thousand,
    exact_after_a_crash,
    cancelled,
    listed,
    ended_in_a_paused_queue,
    refused,
);

const LIMIT: Duration = Duration::from_secs(120);

fn start(http: &Client, body: &Value) -> String {
    let reply = http.post("/v1/workflows", body).expect(202);
    let workflow = reply.json();
    let id = workflow["id"].as_str().expect("an id").to_owned();
    let location = format!("/v1/workflows/{id}");
    assert_eq!(reply.header("location"), Some(location.as_str()));
    id
}

fn show(http: &Client, id: &str) -> Value {
    http.get(&format!("/v1/workflows/{id}")).expect(200).json()
}

/// The workflow, once it is final.
fn ended(http: &Client, id: &str) -> Value {
    until("the workflow ends", LIMIT, || {
        let path = format!("/v1/workflows/{id}?wait=10s");
        let workflow = http.get(&path).expect(200).json();
        let state = workflow["state"].as_str().expect("a state");
        let ended = ["succeeded", "failed", "cancelled", "expired"].contains(&state);
        ended.then_some(workflow.clone())
    })
}

/// The entries of each page of a list, from this one on.
fn pages(http: &Client, first: String, entries: &str) -> Vec<Vec<Value>> {
    let mut next = Some(first);
    let mut pages = Vec::new();
    while let Some(path) = next {
        let page = http.get(&path).expect(200).json();
        pages.push(page[entries].as_array().expect("a list").clone());
        next = page["next"].as_str().map(str::to_owned);
    }
    pages
}

fn members(http: &Client, id: &str) -> Vec<Value> {
    pages(http, format!("/v1/workflows/{id}/tasks?limit=100"), "tasks").concat()
}

fn progress(total: u64, succeeded: u64, failed: u64, cancelled: u64) -> Value {
    json!({"total": total, "succeeded": succeeded, "failed": failed, "cancelled": cancelled, "expired": 0})
}

fn fails() -> Value {
    json!({"task": "fault", "args": {"how": "fail"}, "retry": {"attempts": 1}})
}

fn a_chain_feeds_its_steps(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let id = start(
        http,
        &json!({"chain": [
            {"task": "echo", "args": {"a": 1}},
            {"task": "echo", "args": {"b": 2}, "into": "before"},
            {"task": "echo"},
        ]}),
    );
    let workflow = ended(http, &id);
    assert_eq!(workflow["state"], "succeeded", "{workflow:#}");
    assert_eq!(workflow["workflow"], "chain");
    assert_eq!(workflow["result"], json!({"b": 2, "before": {"a": 1}}));
    assert_eq!(workflow["progress"], progress(3, 3, 0, 0));
    let tasks = members(http, &id);
    assert_eq!(tasks[1]["args"], json!({"b": 2, "before": {"a": 1}}));
    let member = json!({"id": id, "step": 1, "index": 0});
    assert_eq!(tasks[1]["workflow"], member);

    // Waiting for it in the request that starts it; and one that fails in the middle.
    let mut failing = fails();
    failing["into"] = Value::Null;
    let body = json!({"chain": [{"task": "echo"}, failing, {"task": "echo"}]});
    let workflow = http
        .post("/v1/workflows?wait=60s", &body)
        .expect(200)
        .json();
    assert_eq!(workflow["state"], "failed", "{workflow:#}");
    assert_eq!(workflow["progress"], progress(3, 1, 1, 0));
    let error = workflow["error"].as_str().expect("an error");
    assert!(error.contains("failed as it was asked to"), "{error}");
    let tasks = members(http, workflow["id"].as_str().expect("an id"));
    assert!(
        error.contains(tasks[1]["id"].as_str().expect("an id")),
        "{error}"
    );
    assert_eq!(tasks[2].get("id"), None, "never enqueued");
}

fn a_chord_gets_all_results_in_order(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let each: Vec<_> = (0..50).collect();
    let body = json!({
        "group": {"task": "echo", "each": each},
        "then": {"task": "echo", "args": {"a": 1}},
        "idempotency_key": "once",
    });
    let id = start(http, &body);
    let again = http.post("/v1/workflows", &body).expect(200).json();
    assert_eq!(again["id"], id.as_str());
    let workflow = ended(http, &id);
    assert_eq!(workflow["result"], json!({"a": 1, "results": each}));
    assert_eq!(workflow["workflow"], "chord");
    assert_eq!(workflow["progress"], progress(50, 50, 0, 0));
    assert_eq!(members(http, &id).len(), 51);
}

fn failures_of_a_group(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let slow = json!({"task": "sleep", "args": {"for": "30s"}});
    let id = start(
        http,
        &json!({"group": [fails(), slow], "then": {"task": "echo"}}),
    );
    let began = Instant::now();
    let workflow = ended(http, &id);
    assert_eq!(workflow["state"], "failed", "{workflow:#}");
    assert!(began.elapsed() < Duration::from_secs(25), "at once");
    let workflow = until("the other is cancelled", LIMIT, || {
        let workflow = show(http, &id);
        (workflow["progress"] == progress(2, 0, 1, 1)).then_some(workflow)
    });
    assert_eq!(workflow["state"], "failed");
    assert_eq!(members(http, &id)[2].get("id"), None, "nothing follows");

    let body = json!({"group": [fails(), {"task": "echo", "args": 7}], "then": {"task": "echo"}, "on_failure": "wait"});
    let id = start(http, &body);
    let workflow = ended(http, &id);
    assert_eq!(workflow["state"], "succeeded", "{workflow:#}");
    assert_eq!(workflow["result"]["results"], json!([null, 7]));
    assert_eq!(workflow["result"]["errors"][0]["state"], "failed");
    assert_eq!(workflow["result"]["errors"][1], Value::Null);
    assert_eq!(workflow["progress"], progress(2, 1, 1, 0));
}

fn ten_thousand(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let each: Vec<_> = (0..10_000).collect();
    let began = Instant::now();
    let id = start(http, &json!({"group": {"task": "echo", "each": each}}));
    let (mut counted, mut slowest) = (0, Duration::ZERO);
    let workflow = until("all have ended", 5 * LIMIT, || {
        let looked = Instant::now();
        let workflow = show(http, &id);
        slowest = slowest.max(looked.elapsed());
        let now = workflow["progress"]["succeeded"].as_u64().expect("a count");
        assert!(now >= counted, "{now} after {counted}");
        counted = now;
        let ended = workflow["state"] == "succeeded";
        ended.then_some(workflow)
    });
    assert_eq!(workflow["progress"], progress(10_000, 10_000, 0, 0));
    assert_eq!(workflow["result"], json!({"succeeded": 10_000}));
    measured(
        pair,
        &format!(
            "a group of 10,000 took {:.1} s, the slowest look at its progress {} ms",
            began.elapsed().as_secs_f64(),
            slowest.as_millis()
        ),
    );
    let last = http.get(&format!("/v1/workflows/{id}/tasks?from=9999"));
    assert_eq!(last.expect(200).json()["tasks"][0]["result"], 9_999);
}

fn exact_after_a_crash(pair: Pair) {
    const OF: u64 = 600;
    let mut host = Host::start(pair, &[]);
    let for_ms = |i: u64| json!({"for": format!("{}ms", 5 * (i % 200))});
    let each: Vec<_> = (0..OF).map(for_ms).collect();
    let body = json!({
        "group": {"task": "sleep", "each": each, "timeout": "4s"},
        "then": {"task": "echo", "timeout": "4s"},
    });
    let id = start(host.http(), &body);
    until("some have ended", LIMIT, || {
        let done = show(host.http(), &id)["progress"]["succeeded"].as_u64();
        (done > Some(OF / 10)).then_some(())
    });
    host.kill9();
    host.restart();
    let http = host.http();
    let workflow = ended(http, &id);
    assert_eq!(workflow["state"], "succeeded", "{workflow:#}");
    assert_eq!(workflow["progress"], progress(OF, OF, 0, 0));
    let results = vec!["Task Done."; OF as usize];
    assert_eq!(workflow["result"], json!({"results": results}));
    let mut ids: Vec<_> = members(http, &id)
        .iter()
        .map(|task| task["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len() as u64, OF + 1);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len() as u64, OF + 1, "each is one task");
    // Whatever was enqueued was counted when it had ended: nothing more than these.
    until("all are counted", LIMIT, || {
        http.get("/healthz").expect(200);
        let queue = http.get("/v1/queues/default").expect(200).json();
        let waits = queue["waiting"] == 0 && queue["running"] == 0;
        waits.then_some(())
    });
}

fn cancelled(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let each = vec![json!({"for": "30s"}); 20];
    let id = start(http, &json!({"group": {"task": "sleep", "each": each}}));
    until("it runs", LIMIT, || {
        (members(http, &id)[19]["state"] == "running").then_some(())
    });
    let reply = http.delete(&format!("/v1/workflows/{id}"));
    assert!([200, 202].contains(&reply.status), "{}", reply.text());
    let workflow = ended(http, &id);
    assert_eq!(workflow["state"], "cancelled");
    until("its tasks are cancelled, too", LIMIT, || {
        (show(http, &id)["progress"] == progress(20, 0, 0, 20)).then_some(())
    });
}

/// The workflows on all pages of `limit`.
fn list(http: &Client, limit: usize) -> Vec<Value> {
    let first = format!("/v1/queues/default/workflows?limit={limit}");
    let pages = pages(http, first, "workflows");
    assert!(pages.iter().all(|page| page.len() <= limit), "{pages:?}");
    pages.concat()
}

/// The newest comes first, each as it is shown alone; other tasks are not among them.
fn listed(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    assert_eq!(list(http, 10), [json!(null); 0]);
    http.enqueue(&json!({"task": "echo"}));
    let echo = json!({"task": "echo"});
    let bodies = [
        json!({"chain": [echo, echo]}),
        json!({"group": {"task": "echo", "each": [1, 2, 3]}, "then": echo}),
        json!({"group": [fails(), echo], "on_failure": "wait"}),
    ];
    let mut ids = Vec::new();
    for body in &bodies {
        let id = start(http, body);
        ended(http, &id);
        ids.insert(0, id);
    }
    let long = json!({"chain": [{"task": "sleep", "args": {"for": "60s"}}]});
    ids.insert(0, start(http, &long));
    for limit in [1, 2, 100] {
        let all = list(http, limit);
        let found: Vec<_> = all.iter().map(|w| w["id"].as_str().unwrap_or("")).collect();
        assert_eq!(found, ids, "pages of {limit}");
        for workflow in all.iter().skip(1) {
            let alone = show(http, workflow["id"].as_str().expect("an id"));
            assert_eq!(workflow["state"], alone["state"]);
            assert_eq!(workflow["progress"], alone["progress"]);
        }
    }
    let all = list(http, 100);
    assert_eq!(all[1]["progress"], progress(2, 1, 1, 0));
    assert_eq!(all[2]["workflow"], "chord");
    http.delete(&format!("/v1/workflows/{}", ids[0]));

    let path = "/v1/queues/default/workflows";
    for (query, field) in [
        ("limit=0", "limit"),
        ("from=x", "from"),
        ("state=failed", "state"),
    ] {
        let reply = http.get(&format!("{path}?{query}"));
        reply.expect_problem(400, "invalid-request", Some(field));
    }
    let unknown = http.get("/v1/queues/Nobody/workflows");
    unknown.expect_problem(404, "unknown-queue", None);
}

fn refused(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let long = "x".repeat(300_000);
    let table = [
        (json!({}), 400, "chain"),
        (
            json!({"chain": [{"task": "no.such"}]}),
            400,
            "chain[0].task",
        ),
        (
            json!({"chain": [{"task": "sleep"}]}),
            400,
            "chain[0].args.for",
        ),
        (
            json!({"group": [{"task": "echo"}], "on_failure": "x"}),
            400,
            "on_failure",
        ),
        (
            json!({"group": {"task": "echo", "each": []}}),
            400,
            "group.each",
        ),
        (
            json!({"group": [{"task": "echo", "delay": "1s"}]}),
            400,
            "group[0].delay",
        ),
        (
            json!({"group": [{"task": "echo"}], "queue": "other"}),
            400,
            "queue",
        ),
        (
            json!({"chain": [{"task": "echo"}, {"task": "echo", "args": {"a": long}}]}),
            413,
            "chain[1].args",
        ),
        (
            json!({"group": {"task": "echo", "each": [1, long]}}),
            413,
            "group.each[1]",
        ),
    ];
    for (body, status, field) in table {
        let reply = http.post("/v1/workflows", &body);
        let kind = if status == 413 {
            "too-large"
        } else {
            "invalid-request"
        };
        reply.expect_problem(status, kind, Some(field));
    }
    let direct = json!({"task": "workflow", "args": {"steps": []}});
    let reply = http.post("/v1/tasks", &direct);
    reply.expect_problem(400, "invalid-request", Some("task"));
    let task = http.enqueue(&json!({"task": "echo"}));
    for id in [task.as_str(), "x", "default-1-0123456789abcdef01234567"] {
        for reply in [
            http.get(&format!("/v1/workflows/{id}")),
            http.get(&format!("/v1/workflows/{id}/tasks")),
            http.delete(&format!("/v1/workflows/{id}")),
        ] {
            reply.expect_problem(404, "unknown-workflow", None);
        }
    }
}

/// A task that waits in a paused queue is cancelled: its group and the others of it end at once.
fn ended_in_a_paused_queue(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    http.post("/v1/queues/default/pause", &json!({}))
        .expect(200);
    let id = start(
        http,
        &json!({"group": {"task": "echo", "each": [1, 2, 3, 4]}}),
    );
    let member = until("its tasks are enqueued", LIMIT, || {
        let member = members(http, &id).get(2)?["id"].as_str()?.to_owned();
        Some(member)
    });
    http.delete(&format!("/v1/tasks/{member}")).expect(200);
    let workflow = ended(http, &id);
    assert_eq!(workflow["state"], "failed", "{workflow:#}");
    assert_eq!(workflow["progress"], progress(4, 0, 0, 4));
    for member in members(http, &id) {
        assert_eq!(member["state"], "cancelled", "{member:#}");
    }
}
