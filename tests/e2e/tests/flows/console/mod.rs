//! The console as a browser without JavaScript sees it. `tests/console.rs` has a real browser.

mod buttons;
mod guard;

use handoff_e2e::{Host, Manifest, Pair, Reply, exchange, on, on_every_pair, until};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(every_page_is_there);
on!(Some: nothing_of_users_is_markup: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: below_another_route: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: faults_are_said_in_words: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

const LIMIT: Duration = Duration::from_secs(60);

/// Sends what a browser would, and follows nothing.
#[track_caller]
fn send(host: &Host, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> Reply {
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if headers.iter().all(|(name, _)| *name != "host") {
        request += &format!("host: {}\r\n", host.address());
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if method == "POST" {
        let length = form.len();
        request += "content-type: application/x-www-form-urlencoded\r\n";
        request += &format!("content-length: {length}\r\n");
    }
    let reply = exchange(host.address(), format!("{request}\r\n{form}").as_bytes());
    reply.unwrap_or_else(|| panic!("{method} {path} {headers:?}: no answer"))
}

#[track_caller]
fn page(host: &Host, path: &str) -> String {
    let reply = send(host, "GET", path, &[], "").expect(200);
    let policy = reply.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
    assert_eq!(
        reply.header("x-content-type-options"),
        Some("nosniff"),
        "{path}"
    );
    reply.text()
}

/// Sends a form, and returns where it leads.
#[track_caller]
fn follow(host: &Host, path: &str, form: &str) -> String {
    let reply = send(host, "POST", path, &[], form).expect(303);
    reply.header("location").unwrap_or_default().to_owned()
}

#[track_caller]
fn assert_has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
}

fn enqueue(host: &Host, task: &Value) -> String {
    let task = host.http().post("/v1/tasks", task).expect(202).json();
    task["id"].as_str().expect("an id").to_owned()
}

fn wait_for(host: &Host, id: &str, state: &str) {
    until(state, LIMIT, || {
        let task = host
            .http()
            .get(&format!("/v1/tasks/{id}"))
            .expect(200)
            .json();
        (task["state"] == state).then_some(())
    });
}

/// A task that succeeded and one that failed.
fn two_tasks(host: &Host) -> (String, String) {
    let args = json!({"to": "Ada", "api_token": "s3cret"});
    let done = enqueue(host, &json!({"task": "echo", "args": args, "key": "k-1"}));
    let args = json!({"url": "http://192.0.2.1/"});
    let request = json!({"task": "http.request", "args": args, "retry": {"attempts": 1}});
    let failed = enqueue(host, &request);
    wait_for(host, &done, "succeeded");
    wait_for(host, &failed, "failed");
    (done, failed)
}

/// A schedule of this name.
fn put_schedule(host: &Host, name: &str) {
    let schedule = json!({"task": "echo", "cron": "30 6 * * MON-FRI", "timezone": "Europe/Berlin"});
    let (path, body) = (format!("/v1/schedules/{name}"), schedule.to_string());
    let headers = [("content-type", "application/json")];
    let put = host.http().send("PUT", &path, &headers, body.as_bytes());
    put.expect(201);
}

fn every_page_is_there(pair: Pair) {
    let host = Host::start(pair, &[]);
    let (done, failed) = two_tasks(&host);
    put_schedule(&host, "report");
    let group = json!({"group": {"task": "echo", "each": [1, 2, 3]}});
    let workflow = host.http().post("/v1/workflows?wait=30s", &group);
    let workflow = workflow.expect(200).json();
    let workflow = workflow["id"].as_str().expect("an id");

    let moved = send(&host, "GET", "/console", &[], "").expect(303);
    assert_eq!(moved.header("location"), Some("/console/"));
    let found = send(&host, "GET", &format!("/console/find?id={done}"), &[], "").expect(303);
    let task = format!("/console/tasks/{done}");
    assert_eq!(found.header("location"), Some(task.as_str()));
    for (path, parts) in [
        (
            "/console/",
            &["href=\"/console/queues/default\"", "oldest waiting"][..],
        ),
        (
            "/console/queues/default?task=echo&key=k-1",
            &[&done, "[redacted]", "Searched"],
        ),
        (
            &task,
            &["succeeded", "1 value is redacted", "$HANDOFF_URL/v1/tasks/"],
        ),
        (&format!("{task}/again"), &["[redacted]", "name=\"once\""]),
        (
            "/console/queues/default/failed",
            &["http.request", "Retry…"],
        ),
        (
            "/console/failed",
            &["http.request", "1</a> failed in default"],
        ),
        ("/console/queues/default/purge", &["Type the queue"]),
        (
            "/console/schedules",
            &["on Monday to Friday at 06:30", "Europe/Berlin"],
        ),
        ("/console/schedules/report", &["Run now", "Next"]),
        (
            &format!("/console/workflows/{workflow}"),
            &["3 of 3 succeeded", "<svg"],
        ),
        (
            "/console/queues/default/workflows",
            &[workflow, "group", "<td>3</td><td>0</td><td>3</td>"],
        ),
        ("/console/docs", &["POST /v1/tasks", "Scope: enqueue."]),
        ("/console/sign-in", &["type=\"password\""]),
    ] {
        let page = page(&host, path);
        assert_has(&page, parts);
        assert!(!page.contains("s3cret"), "{path}: {page}");
    }
    let filtered = page(&host, "/console/queues/default?key=k-1");
    assert!(!filtered.contains(&failed), "{filtered}");
    for file in ["style.css", "script.js", "icon.svg"] {
        let reply = send(&host, "GET", &format!("/console/{file}"), &[], "").expect(200);
        let kept = reply.header("cache-control").unwrap_or_default();
        assert!(kept.contains("max-age"), "{file}: {kept}");
    }
}

fn nothing_of_users_is_markup(pair: Pair) {
    let host = Host::start(pair, &[]);
    let bad = "<script>alert(1)</script>\"'><img src=x>";
    let args = json!({"url": "http://192.0.2.1/", "body": bad, "headers": {"x-a": bad}});
    let failed = enqueue(
        &host,
        &json!({"task": "http.request", "args": args, "key": bad, "retry": {"attempts": 1}}),
    );
    let echo = enqueue(&host, &json!({"task": "echo", "args": [bad], "key": bad}));
    wait_for(&host, &failed, "failed");
    wait_for(&host, &echo, "succeeded");
    let query = "text=%3Cscript%3E&key=%22%3E%3Cscript%3E&state=%3Cscript%3E";
    for path in [
        format!("/console/tasks/{failed}"),
        format!("/console/tasks/{failed}/again"),
        format!("/console/tasks/{echo}"),
        "/console/queues/default".to_owned(),
        "/console/queues/default/failed".to_owned(),
        format!("/console/queues/default?{query}"),
        "/console/tasks/%3Cscript%3E".to_owned(),
        "/console/queues/%22%3E%3Cscript%3E".to_owned(),
        "/console/?done=%3Cscript%3E".to_owned(),
    ] {
        let text = send(&host, "GET", &path, &[], "").text();
        let body = text
            .split_once("<main")
            .map(|(_, body)| body)
            .unwrap_or_default();
        assert!(!body.is_empty(), "{path}: {text}");
        for markup in ["<script", "<img", "\"'>"] {
            assert!(!body.contains(markup), "{path} has {markup}: {body}");
        }
    }
}

fn below_another_route(pair: Pair) {
    let route = ("route = \"/console/...\"", "route = \"/ops/jobs/...\"");
    let api = ("route = \"/...\"", "route = \"/handoff/...\"");
    let manifest = Manifest::changed(&[route, api]);
    let host = Host::start_other(pair, manifest.path());
    let page = page(&host, "/ops/jobs/");
    assert_has(
        &page,
        &[
            "href=\"/ops/jobs/queues/default\"",
            "href=\"/ops/jobs/style.css?",
        ],
    );
    assert!(!page.contains("=\"/console"), "{page}");
    let paused = follow(&host, "/ops/jobs/queues/default/do/pause", "");
    assert_eq!(paused, "/ops/jobs/queues/default?done=paused");
    let behind = send(
        &host,
        "GET",
        "/ops/jobs/",
        &[("x-forwarded-prefix", "/shop")],
        "",
    )
    .expect(200);
    assert_has(&behind.text(), &["href=\"/shop/ops/jobs/queues/default\""]);

    let root = ("route = \"/console/...\"", "route = \"/...\"");
    let manifest = Manifest::changed(&[api, root]);
    let host = Host::start_other(pair, manifest.path());
    assert_has(&self::page(&host, "/"), &["href=\"/queues/default\""]);
    for away in [
        "//evil.example",
        "//evil.example/a",
        "/\\evil.example",
        "/a//evil.example",
    ] {
        let reply = send(&host, "GET", away, &[], "");
        let to = reply.header("location").unwrap_or_default();
        assert_eq!((reply.status, to), (404, ""), "{away}");
    }
}

fn faults_are_said_in_words(pair: Pair) {
    let host = Host::start(pair, &[("console_api", "http://nowhere.spin.internal")]);
    let reply = send(&host, "GET", "/console/", &[], "").expect(502).text();
    assert_has(&reply, &["at nowhere.spin.internal", "console_api"]);
    assert!(!reply.contains("http://nowhere"), "{reply}");
    let pause = "/console/queues/default/do/pause";
    let reply = send(&host, "POST", pause, &[], "").expect(502);
    assert_has(&reply.text(), &["may have happened"]);
    let host = Host::start(pair, &[]);
    for (path, status, words) in [
        ("/console/nothing", 404, "no such page"),
        (
            "/console/tasks/default-1-63e3d3b0c5a8fd23f3a55c6a",
            404,
            "retention",
        ),
        ("/console/tasks/x", 404, "There is no"),
        ("/console/queues/other", 404, "This deployment has default"),
        ("/console/queues/default?state=done", 400, "state"),
        ("/console/queues/default?from=x", 400, "from"),
        ("/console/schedules/x", 404, "There is no such schedule"),
        ("/console/workflows/x", 404, "There is no such workflow"),
        ("/console/tasks/..", 404, "no such page"),
        ("/console/tasks/%FF", 400, "UTF-8"),
        ("/console/queues/default?a=%zz", 400, "percent-encoding"),
    ] {
        let reply = send(&host, "GET", path, &[], "").expect(status);
        assert_has(&reply.text(), &[words]);
    }
    let json = format!(
        "POST /console/queues/default/bulk HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
        host.address()
    );
    let json = exchange(host.address(), json.as_bytes()).expect("an answer");
    assert_has(&json.expect(415).text(), &["Only forms are taken here"]);
    let wrong = send(&host, "POST", "/console/queues/default/bulk", &[], "%zz").expect(400);
    assert_has(&wrong.text(), &["percent-encoding"]);
}
