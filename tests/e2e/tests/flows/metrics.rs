//! `/metrics` and the history of a queue.

use handoff_e2e::{Client, Host, Pair, on_every_pair, until, workspace};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

on_every_pair!(counted_by_kind, what_operators_are_given_names_real_metrics);

/// Rescue counts a task 10 s after it was taken, and a whole pass publishes it up to 5 s later.
const COUNTED: Duration = Duration::from_secs(60);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The value of a sample.
fn value(text: &str, sample: &str) -> Option<f64> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    value.map(|value| value.parse().expect("a number"))
}

fn scrape(http: &Client) -> String {
    http.get("/metrics").expect(200).text()
}

/// Reads the metrics until so many tasks of a kind have ended.
fn counted(http: &Client, ended: &str, count: f64) -> String {
    until(ended, COUNTED, || {
        let text = scrape(http);
        (value(&text, ended) == Some(count)).then_some(text)
    })
}

fn run_some(http: &Client) {
    for _ in 0..3 {
        let task = json!({"task": "echo", "queue": "emails"});
        http.enqueue(&task);
    }
    // Nobody may call this address.
    let call = json!({"url": "http://nobody.invalid/"});
    let fails =
        json!({"task": "http.request", "args": call, "queue": "emails", "retry": {"attempts": 1}});
    http.enqueue(&fails);
}

fn counted_by_kind(pair: Pair) {
    let mut host = Host::start(pair, &[("queues", "emails")]);
    let http = host.http();
    let untouched = scrape(http);
    assert_eq!(
        value(&untouched, r#"handoff_queue_waiting{queue="emails"}"#),
        Some(0.0)
    );
    run_some(http);
    let succeeded = r#"handoff_tasks_ended_total{queue="emails",task="echo",state="succeeded"}"#;
    let failed = r#"handoff_tasks_ended_total{queue="emails",task="http.request",state="failed"}"#;
    counted(http, failed, 1.0);
    let text = counted(http, succeeded, 3.0);
    for (sample, expected) in [
        (
            r#"handoff_tasks_enqueued_total{queue="emails",task="echo"}"#,
            3.0,
        ),
        (
            r#"handoff_attempts_failed_total{queue="emails",task="echo"}"#,
            0.0,
        ),
        (
            r#"handoff_attempts_failed_total{queue="emails",task="http.request"}"#,
            1.0,
        ),
        (
            r#"handoff_task_run_seconds_count{queue="emails",task="echo"}"#,
            3.0,
        ),
        (
            r#"handoff_task_wait_seconds_bucket{queue="emails",task="echo",le="+Inf"}"#,
            3.0,
        ),
        (r#"handoff_queue_failed{queue="emails"}"#, 1.0),
        (r#"handoff_queue_paused{queue="emails"}"#, 0.0),
    ] {
        assert_eq!(value(&text, sample), Some(expected), "{sample}: {text}");
    }
    let history = http.get("/v1/queues/emails/history").expect(200).json();
    for spans in ["minutes", "hours"] {
        let sum = |field: &str| -> u64 {
            let spans = history[spans].as_array().expect("an array");
            spans.iter().filter_map(|span| span[field].as_u64()).sum()
        };
        let sums = ["enqueued", "succeeded", "failed", "attempts_failed"].map(sum);
        assert_eq!(sums, [4, 3, 1, 1], "{history:#}");
    }

    // They survive the host, and go on from there.
    host.restart();
    let http = host.http();
    assert_eq!(value(&scrape(http), succeeded), Some(3.0));
    run_some(http);
    counted(http, succeeded, 6.0);

    let reply = http.send("GET", "/metrics", &[("accept", OPENMETRICS)], &[]);
    let reply = reply.expect(200);
    assert_eq!(reply.header("content-type"), Some(OPENMETRICS));
    assert!(reply.text().ends_with("\n# EOF\n"), "{}", reply.text());
    let reply = http.get("/metrics").expect(200);
    let plain = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(reply.header("content-type"), Some(plain));
    http.get("/metrics?queue=emails")
        .expect_problem(400, "invalid-request", Some("queue"));
    http.get("/v1/queues/fax/history")
        .expect_problem(404, "unknown-queue", None);
}

/// The names of metrics in a text.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("handoff_"));
    names.map(str::to_owned).collect()
}

fn what_operators_are_given_names_real_metrics(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let schedule = json!({"every": "1h", "task": "echo"});
    let put = http.send(
        "PUT",
        "/v1/schedules/hourly",
        &[],
        schedule.to_string().as_bytes(),
    );
    put.expect(201);
    http.enqueue(&json!({"task": "echo"}));
    let ended = r#"handoff_tasks_ended_total{queue="default",task="echo",state="succeeded"}"#;
    let text = counted(http, ended, 1.0);
    let next = value(
        &text,
        r#"handoff_schedule_next_run_timestamp_seconds{schedule="hourly"}"#,
    );
    assert!(next > Some(1.7e9), "{next:?}");
    // No schedule has missed anything, so the family has a head only.
    let known = names(&text);
    for file in ["alerts.yml", "dashboard.json"] {
        let path = workspace("docs/operations").join(file);
        let given = fs::read_to_string(&path).expect("it can be read");
        let used = names(&given);
        assert!(used.len() > 5, "{file}: {used:?}");
        for name in used {
            assert!(known.contains(&name), "{file} names {name}: {text}");
        }
    }
    let dashboard = fs::read(workspace("docs/operations/dashboard.json"));
    let dashboard: Result<Value, _> = serde_json::from_slice(&dashboard.expect("it can be read"));
    assert!(dashboard.is_ok(), "{dashboard:?}");
}
