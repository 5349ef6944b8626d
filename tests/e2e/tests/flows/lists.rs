//! Lists of tasks, and calls for all tasks that fit.

use handoff_e2e::{Client, Host, Pair, on, on_every_pair, until};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(tasks_are_found_by_what_is_known_of_them);
on_every_pair!(what_fits_is_retried_discarded_or_cancelled);
on_every_pair!(failed_tasks_are_found_by_their_error);
on_every_pair!(failed_tasks_are_found_by_a_pattern_of_their_error);

on!(Some: without_the_scope_read_nothing_is_found_out: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

const SOON: Duration = Duration::from_secs(40);
const TASKS: &str = "/v1/queues/default/tasks";

/// The ids on all pages.
fn ids(http: &Client, query: &str) -> Vec<String> {
    let mut path = format!("{TASKS}?{query}");
    let mut ids = Vec::new();
    loop {
        let page = http.get(&path).expect(200).json();
        let tasks = page["tasks"].as_array().expect("a list");
        let id = |task: &Value| task["id"].as_str().map(str::to_owned);
        ids.extend(tasks.iter().map(|task| id(task).expect("an id")));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return ids,
        }
    }
}

fn reaches(http: &Client, id: &str, state: &str) {
    until(state, SOON, || {
        (http.task(id)["state"] == state).then_some(())
    });
}

fn failing(name: &str) -> Value {
    json!({"task": "fault", "args": {"how": "fail", "times": 9}, "retry": {"attempts": 1}, "key": name})
}

fn tasks_are_found_by_what_is_known_of_them(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let echo = |args: Value| http.enqueue(&json!({"task": "echo", "args": args, "key": "k&=/é"}));
    let mut all: Vec<_> = (0..5).map(|n| echo(json!({"n": n}))).collect();
    let secret = json!({
        "task": "http.request", "delay": "1h",
        "args": {"url": "http://127.0.0.1/Found", "headers": {"authorization": "Bearer hidden"}},
    });
    let later = http.enqueue(&secret);
    let sleeping = http.enqueue(&json!({"task": "sleep", "args": {"for": "60s"}}));
    let failed = http.enqueue(&failing("a"));
    all.extend([later.clone(), sleeping.clone(), failed.clone()]);
    for id in &all[..5] {
        http.succeeded(id, SOON);
    }
    reaches(http, &failed, "failed");
    reaches(http, &sleeping, "running");
    all.reverse();

    assert_eq!(ids(http, "limit=3"), all);
    let echoes = &all[3..];
    for query in [
        "task=echo",
        "key=k%26%3D%2F%C3%A9&limit=2",
        "state=succeeded&limit=2",
    ] {
        assert_eq!(ids(http, query), echoes, "{query}");
    }
    for (query, id) in [
        ("state=running", &sleeping),
        ("state=scheduled", &later),
        ("state=failed", &failed),
        ("state=failed&task=fault&key=a", &failed),
        ("text=found", &later),
        (&*format!("text={}", &sleeping[..14]), &sleeping),
        ("text=%22n%22%3A3", &all[4]),
    ] {
        assert_eq!(ids(http, query), std::slice::from_ref(id), "{query}");
    }
    // A secret that is not shown can't be guessed by searching.
    for query in [
        "text=hidden",
        "state=queued",
        "task=ech",
        "state=failed&key=b",
        "schedule=s",
    ] {
        assert_eq!(ids(http, query), Vec::<String>::new(), "{query}");
    }
    let page = http.get(&format!("{TASKS}?limit=2")).expect(200).json();
    assert_eq!(
        page["tasks"][0],
        http.task(&failed),
        "as it is shown by its id"
    );
    assert!(page["searched"]["slots"].as_u64() >= Some(2), "{page:#}");
    let oldest = http.task(&all[7])["enqueued_at"].clone();
    let whole = http.get(TASKS).expect(200).json();
    assert_eq!(
        (&whole["searched"]["back_to"], &whole["next"]),
        (&oldest, &json!(null))
    );
    http.delete(&format!("/v1/tasks/{sleeping}"));
}

fn failed_tasks_are_found_by_their_error(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let failed: Vec<_> = ["a", "b"].map(|name| http.enqueue(&failing(name))).into();
    for id in &failed {
        reaches(http, id, "failed");
    }
    let dry = |call: &str| {
        let path = format!("/v1/queues/default/{call}&dry_run=true");
        http.post(&path, &json!({})).expect(200).json()
    };
    // A part of the error, which is nowhere else.
    let error = http.task(&failed[0])["error"].clone();
    let error = error.as_str().expect("a text").to_uppercase();
    let part = error[..error.len().min(20)].replace(' ', "%20");
    let found = dry(&format!("retry-failed?text={part}"));
    assert_eq!(found["would_retry"], 2, "{error}");
    assert_eq!(ids(http, &format!("state=failed&text={part}")).len(), 2);
    let found = dry("discard-failed?text=another%20error");
    assert_eq!(found["would_discard"], 0);
}

/// A pattern finds tasks by nothing but the first line of their errors.
fn failed_tasks_are_found_by_a_pattern_of_their_error(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let failed = http.enqueue(&failing("broke"));
    reaches(http, &failed, "failed");
    let error = http.task(&failed)["error"].clone();
    let error = error.as_str().expect("a text").to_uppercase();
    let (begin, end) = error.split_at(error.find(' ').expect("a space"));
    let found = |filter: &str| ids(http, filter).len();
    let encoded = |text: &str| text.replace(' ', "%20").replace('"', "%22");
    for (pattern, fits) in [
        (error.clone(), 1),
        (format!("*{end}"), 1),
        (format!("{begin}*"), 1),
        (begin.to_owned(), 0),
        // Its key, which the text finds.
        ("*\"key\"*".to_owned(), 0),
    ] {
        let pattern = encoded(&pattern);
        // Only failed tasks have an error: the state goes without saying.
        for filter in [
            format!("error={pattern}"),
            format!("state=failed&error={pattern}"),
            format!("error={pattern}&since=1h"),
        ] {
            assert_eq!(found(&filter), fits, "{filter}");
        }
        let path = format!("/v1/queues/default/retry-failed?error={pattern}&dry_run=true");
        let dry = http.post(&path, &json!({})).expect(200).json();
        assert_eq!(dry["would_retry"], fits, "{pattern}");
    }
    let ended = http.task(&failed)["ended_at"].clone();
    let ended = ended.as_str().expect("a time");
    for (since, fits) in [(ended, 1), ("2099-01-01T00:00:00Z", 0), ("0s", 0)] {
        assert_eq!(found(&format!("since={since}")), fits, "{since}");
    }
    // Of tasks that did not fail nobody knows an error.
    for query in ["state=succeeded&since=1h", "error=*&state=queued"] {
        let wrong = http.get(&format!("{TASKS}?{query}"));
        wrong.expect_problem(400, "invalid-request", Some("state"));
    }
    let wrong = http.get(&format!("{TASKS}?since=yesterday"));
    wrong.expect_problem(400, "invalid-request", Some("since"));
    let wrong = http.get(&format!("{TASKS}?error={}", "x".repeat(301)));
    wrong.expect_problem(400, "invalid-request", Some("error"));
    let wrong = http.post("/v1/queues/default/cancel?error=a", &json!({}));
    wrong.expect_problem(400, "invalid-request", Some("error"));
    let path = format!(
        "/v1/queues/default/discard-failed?error={}",
        encoded(&error)
    );
    let done = http.post(&path, &json!({})).expect(200).json();
    assert_eq!(done["discarded"], 1);
    assert_eq!(found("state=failed"), 0);
}

fn what_fits_is_retried_discarded_or_cancelled(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let names = ["a", "b", "a", "c"];
    let failed: Vec<_> = names
        .iter()
        .map(|name| http.enqueue(&failing(name)))
        .collect();
    for id in &failed {
        reaches(http, id, "failed");
    }
    let call = |call: &str| {
        let reply = http.post(&format!("/v1/queues/default/{call}"), &json!({}));
        reply.expect(200).json()
    };
    // Parameters in a body would be taken for none at all.
    for path in [
        "retry-failed",
        "discard-failed",
        "cancel",
        "purge",
        "pause",
        "resume",
    ] {
        let reply = http.post(
            &format!("/v1/queues/default/{path}"),
            &json!({"key": "b", "dry_run": true}),
        );
        reply.expect_problem(400, "invalid-request", None);
    }
    let reply = http.post(&format!("/v1/tasks/{}/discard", failed[0]), &json!([]));
    reply.expect_problem(400, "invalid-request", None);
    let none = json!(null);
    let dry = call("retry-failed?key=a&dry_run=true");
    assert_eq!(dry, json!({"would_retry": 2, "more": false, "next": none}));
    let dry = call("discard-failed?key=b&dry_run=true");
    assert_eq!(
        dry,
        json!({"would_discard": 1, "more": false, "next": none})
    );
    assert_eq!(ids(http, "state=failed").len(), 4, "nothing was done");
    let discarded = call("discard-failed?key=b");
    assert_eq!(
        discarded,
        json!({"discarded": 1, "more": false, "next": none})
    );
    assert_eq!(call("retry-failed?key=c")["retried"], 1);
    // Which of them failed last is not known.
    let mut left = ids(http, "state=failed&key=a");
    left.sort();
    assert_eq!(left, [failed[0].clone(), failed[2].clone()]);

    let later = |n: u64| http.enqueue(&json!({"task": "echo", "args": {"n": n}, "delay": "1h"}));
    let (one, two) = (later(1), later(2));
    let dry = call("cancel?state=scheduled&text=%22n%22%3A1&dry_run=true");
    assert_eq!(dry, json!({"would_cancel": 1, "more": false, "next": none}));
    let cancelled = call("cancel?state=scheduled&text=%22n%22%3A1");
    assert_eq!(
        cancelled,
        json!({"cancelled": 1, "more": false, "next": none})
    );
    assert_eq!(http.task(&one)["state"], "cancelled");
    assert_eq!(http.task(&two)["state"], "scheduled");
    assert_eq!(
        call("cancel?task=echo")["cancelled"],
        1,
        "final tasks do not count"
    );
    assert_eq!(http.task(&two)["state"], "cancelled");
    let wrong = http.post("/v1/queues/default/cancel?state=failed", &json!({}));
    wrong.expect_problem(400, "invalid-request", Some("state"));
    let wrong = http.post("/v1/queues/default/retry-failed?dry_run=yes", &json!({}));
    wrong.expect_problem(400, "invalid-request", Some("dry_run"));
}

fn without_the_scope_read_nothing_is_found_out(pair: Pair) {
    let tokens = "ops:operate:t0ken-ops, look:read:t0ken-look";
    let host = Host::start(pair, &[("api_tokens", tokens)]);
    let http = host.http();
    let token = [("authorization", "Bearer t0ken-ops")];
    for call in ["cancel", "retry-failed", "discard-failed"] {
        let path = format!("/v1/queues/default/{call}");
        for filter in ["text=a", "task=echo", "key=k", "schedule=s"] {
            let reply = http.send(
                "POST",
                &format!("{path}?dry_run=true&{filter}"),
                &token,
                b"",
            );
            let field = filter.split('=').next();
            reply.expect_problem(403, "forbidden", field);
        }
        http.send("POST", &path, &token, b"").expect(200);
        // A reader may count, and nothing else.
        let look = [("authorization", "Bearer t0ken-look")];
        let counted = http.send("POST", &format!("{path}?dry_run=true"), &look, b"");
        counted.expect(200);
        for query in [
            "",
            "?dry_run=false",
            "?dry_run=true&dry_run=false",
            "?dry-run=true",
        ] {
            let reply = http.send("POST", &format!("{path}{query}"), &look, b"");
            reply.expect_problem(403, "forbidden", None);
        }
    }
    let list = http.send("GET", TASKS, &token, b"");
    list.expect_problem(403, "forbidden", None);
}
