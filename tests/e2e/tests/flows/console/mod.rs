//! The console as a browser without JavaScript sees it. `tests/console.rs` has a real browser.

mod guard;

use handoff_e2e::{Host, Manifest, Pair, Reply, exchange, on, on_every_pair, until};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(every_page_is_there, many_tasks_are_changed_after_a_question);
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

fn every_page_is_there(pair: Pair) {
    let host = Host::start(pair, &[]);
    let id = enqueue(
        &host,
        &json!({"task": "echo", "args": {"a": 1, "api_token": "s3cret"}, "key": "k-1"}),
    );
    wait_for(&host, &id, "succeeded");
    let failed = enqueue(
        &host,
        &json!({"task": "http.request", "args": {"url": "http://192.0.2.1/"}, "retry": {"attempts": 1}}),
    );
    wait_for(&host, &failed, "failed");
    let schedule = json!({"task": "echo", "args": {"n": 1}, "cron": "30 6 * * MON-FRI", "timezone": "Europe/Berlin"});
    let http = host.http();
    let headers = [("content-type", "application/json")];
    http.send(
        "PUT",
        "/v1/schedules/report",
        &headers,
        schedule.to_string().as_bytes(),
    )
    .expect(201);
    let group = json!({"group": {"task": "echo", "each": [1, 2, 3]}});
    let workflow = http
        .post("/v1/workflows?wait=30s", &group)
        .expect(200)
        .json();
    let workflow = workflow["id"].as_str().expect("an id");

    let moved = send(&host, "GET", "/console", &[], "").expect(303);
    assert_eq!(moved.header("location"), Some("/console/"));
    assert_has(
        &page(&host, "/console/"),
        &["href=\"/console/queues/default\"", "oldest waiting"],
    );
    let list = page(&host, "/console/queues/default?task=echo&key=k-1");
    assert_has(&list, &[&id, "[redacted]", "Searched", "succeeded"]);
    assert!(
        !list.contains("s3cret") && !list.contains(&failed),
        "{list}"
    );
    let task = page(&host, &format!("/console/tasks/{id}"));
    assert_has(
        &task,
        &["succeeded", "1 value is redacted", "$HANDOFF_URL/v1/tasks/"],
    );
    assert!(!task.contains("s3cret"), "{task}");
    let found = send(&host, "GET", &format!("/console/find?id={id}"), &[], "").expect(303);
    assert_eq!(
        found.header("location"),
        Some(format!("/console/tasks/{id}").as_str())
    );
    assert_has(
        &page(&host, "/console/queues/default/failed"),
        &["http.request", "Retry…"],
    );
    assert_has(
        &page(&host, "/console/schedules"),
        &["on Monday to Friday at 06:30", "Europe/Berlin"],
    );
    assert_has(
        &page(&host, "/console/schedules/report"),
        &["Run now", "Next"],
    );
    let shown = page(&host, &format!("/console/workflows/{workflow}"));
    assert_has(&shown, &["3 of 3 succeeded", "<svg"]);
    assert_has(
        &page(&host, "/console/queues/default/purge"),
        &["Type the queue"],
    );
    for file in ["style.css", "script.js", "icon.svg"] {
        let reply = send(&host, "GET", &format!("/console/{file}"), &[], "").expect(200);
        assert!(
            reply
                .header("cache-control")
                .is_some_and(|c| c.contains("max-age")),
            "{file}"
        );
    }
    one_button_each(&host, &id, &failed);
}

/// What is changed by one button.
fn one_button_each(host: &Host, id: &str, failed: &str) {
    let retried = follow(host, &format!("/console/tasks/{failed}/do/retry"), "");
    assert_has(&page(host, &retried), &["Retry of", failed]);
    let again = page(host, &format!("/console/tasks/{id}/again"));
    assert_has(&again, &["[redacted]", "name=\"once\""]);
    let form = "once=a&args=%7B%22b%22%3A2%2C%22api_token%22%3A%22%5Bredacted%5D%22%7D";
    let to = format!("/console/tasks/{id}/do/again");
    let new = follow(host, &to, form);
    assert_eq!(
        follow(host, &to, form),
        new,
        "a form that is sent twice enqueues one task"
    );
    let new = new
        .trim_start_matches("/console")
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let task = host
        .http()
        .get(&format!("/v1{new}?wait=30s"))
        .expect(200)
        .json();
    assert_eq!(task["args"], json!({"b": 2, "api_token": "s3cret"}));
    let lost = send(
        host,
        "POST",
        &to,
        &[],
        "once=b&args=%7B%22c%22%3A%22%5Bredacted%5D%22%7D",
    );
    assert_has(&lost.expect(400).text(), &["args.c"]);

    let run = follow(host, "/console/schedules/report/do/run", "once=c");
    assert_has(&page(host, &run), &["This is the new task."]);
    let kept = send(
        host,
        "POST",
        "/console/schedules/report/do/delete",
        &[],
        "confirm=yes&name=x",
    );
    assert_has(&kept.expect(200).text(), &["not the name"]);
    follow(
        host,
        "/console/schedules/report/do/delete",
        "confirm=yes&name=report",
    );
    host.http().get("/v1/schedules/report").expect(404);

    follow(host, "/console/queues/default/do/pause", "");
    let waits = enqueue(host, &json!({"task": "echo"}));
    assert_has(
        &page(host, "/console/queues/default"),
        &["paused", "Resume"],
    );
    let kept = send(
        host,
        "POST",
        "/console/queues/default/do/purge",
        &[],
        "confirm=yes&name=other",
    );
    assert_has(&kept.expect(200).text(), &["not the name"]);
    let purged = send(
        host,
        "POST",
        "/console/queues/default/do/purge",
        &[],
        "confirm=yes&name=default",
    );
    assert_has(&purged.expect(200).text(), &["Cancelled 1 waiting"]);
    wait_for(host, &waits, "cancelled");
    let later = enqueue(host, &json!({"task": "echo", "delay": "1h"}));
    follow(host, &format!("/console/tasks/{later}/do/cancel"), "");
    wait_for(host, &later, "cancelled");
    follow(host, "/console/queues/default/do/resume", "");
    assert!(!page(host, "/console/queues/default").contains("Resume"));
}

fn many_tasks_are_changed_after_a_question(pair: Pair) {
    let host = Host::start(pair, &[]);
    let later = |key: &str| enqueue(&host, &json!({"task": "echo", "delay": "1h", "key": key}));
    let (ours, other) = ([later("a"), later("a")], later("b"));
    let form = "action=cancel&key=a&state=scheduled";
    let asked = send(&host, "POST", "/console/queues/default/bulk", &[], form).expect(200);
    assert_has(
        &asked.text(),
        &[
            "Cancel 2 open tasks?",
            "name=\"confirm\"",
            "name=\"key\" value=\"a\"",
        ],
    );
    let state = |id: &str| {
        host.http()
            .get(&format!("/v1/tasks/{id}"))
            .expect(200)
            .json()["state"]
            .clone()
    };
    assert_eq!(state(&ours[0]), "scheduled", "a question changes nothing");
    let form = format!("{form}&confirm=yes");
    let done = send(&host, "POST", "/console/queues/default/bulk", &[], &form).expect(200);
    assert_has(&done.text(), &["Cancelled 2"]);
    assert!(ours.iter().all(|id| state(id) == "cancelled"));
    assert_eq!(state(&other), "scheduled");
    let wrong = send(
        &host,
        "POST",
        "/console/queues/default/bulk",
        &[],
        "action=explode&confirm=yes",
    );
    assert_has(&wrong.expect(400).text(), &["names no action"]);
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
}

fn faults_are_said_in_words(pair: Pair) {
    let host = Host::start(pair, &[("console_api", "http://nowhere.spin.internal")]);
    let reply = send(&host, "GET", "/console/", &[], "").expect(502);
    assert_has(
        &reply.text(),
        &["http://nowhere.spin.internal", "console_api"],
    );
    let host = Host::start(pair, &[]);
    for (path, status, words) in [
        ("/console/nothing", 404, "no page"),
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
        ("/console/tasks/..", 404, "no page"),
        ("/console/tasks/%FF", 400, "UTF-8"),
        ("/console/queues/default?a=%zz", 400, "percent-encoding"),
    ] {
        let reply = send(&host, "GET", path, &[], "").expect(status);
        assert_has(&reply.text(), &[words]);
    }
    let json = send(&host, "POST", "/console/queues/default/bulk", &[], "%zz").expect(400);
    assert_has(&json.text(), &["percent-encoding"]);
}
