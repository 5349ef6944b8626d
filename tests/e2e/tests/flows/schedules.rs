//! Tasks that are enqueued again and again.

use crate::unchanged::changes_nothing;
use handoff_e2e::{Client, Host, Pair, Reply, on_every_pair, slot, time_ms, until};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

on_every_pair!(
    every_second_also_after_a_crash,
    put_again_and_deleted,
    paused_and_resumed,
    by_the_calendar,
    refused
);

const SOON: Duration = Duration::from_secs(20);
/// The next window begins within 5 s, and whoever comes back looks at what is due each second.
const RESUMED: Duration = Duration::from_secs(60);

fn put(http: &Client, name: &str, body: &Value) -> Reply {
    let path = format!("/v1/schedules/{name}");
    http.send("PUT", &path, &[], body.to_string().as_bytes())
}

fn look(http: &Client, name: &str) -> Value {
    let path = format!("/v1/schedules/{name}");
    http.get(&path).expect(200).json()
}

/// Looks until `count` occurrences were seen; returns the tasks by the time of the occurrence.
fn occurrences(http: &Client, name: &str, count: usize, limit: Duration) -> BTreeMap<u64, String> {
    let mut seen = BTreeMap::new();
    until("it occurs", limit, || {
        let last = look(http, name)["last_run"].clone();
        if let Some(id) = last["task_id"].as_str() {
            let before = seen.insert(time_ms(&last, "at"), id.to_owned());
            assert!(before.is_none_or(|before| before == id), "{last}");
        }
        (seen.len() >= count).then_some(())
    });
    seen
}

fn every_second_also_after_a_crash(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    // What a host had taken when it died is rescued when its lease is over: soon.
    let body =
        json!({"task": "echo", "args": "tick", "every": "1s", "missed": "all", "timeout": "4s"});
    let schedule = put(host.http(), "tick", &body).expect(201).json();
    let put_ms = time_ms(&schedule, "put_at");
    assert_eq!(time_ms(&schedule, "next_run"), put_ms + 1_000);
    assert_eq!(schedule["last_run"], Value::Null);
    let mut seen = occurrences(host.http(), "tick", 4, SOON);
    // It dies at whatever it does.
    host.restart();
    let http = host.http();
    seen.extend(occurrences(http, "tick", 4, RESUMED));
    for (at_ms, id) in &seen {
        assert_eq!((at_ms - put_ms) % 1_000, 0);
        let task = http.succeeded(id, RESUMED);
        assert_eq!(task["result"], "tick");
        assert_eq!(task["schedule"]["name"], "tick");
        assert_eq!(time_ms(&task["schedule"], "at"), *at_ms);
        assert!(time_ms(&task, "started_at") >= *at_ms, "early: {task:#}");
    }
    let mut ids: Vec<_> = seen.values().collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), seen.len(), "one task for two occurrences");
}

fn put_again_and_deleted(pair: Pair) {
    let host = Host::start(pair, &[("queues", "default emails")]);
    let http = host.http();
    let long = json!({"task": "sleep", "args": {"for": "1h"}, "every": "1s", "overlap": "skip", "queue": "emails",
        "timeout": "2h"});
    put(http, "a", &long).expect(201);
    let first = occurrences(http, "a", 1, SOON);
    let again = put(http, "a", &long).expect(200).json();
    assert!(time_ms(&again, "put_at") < time_ms(&again, "next_run"));
    let echo = json!({"task": "echo", "args": 1, "every": "1s", "queue": "emails"});
    put(http, "b", &echo).expect(201);
    // Others occur meanwhile; this one's task is still running.
    let others = occurrences(http, "b", 3, SOON);
    let last = look(http, "a")["last_run"].clone();
    let (at_ms, id) = first.first_key_value().expect("there is one");
    assert_eq!(
        (time_ms(&last, "at"), &last["task_id"]),
        (*at_ms, &json!(id))
    );
    for id in others.values() {
        assert_eq!(http.succeeded(id, SOON)["queue"], "emails");
    }

    let all = http.get("/v1/schedules").expect(200).json();
    assert_eq!(all["schedules"][0]["name"], "a");
    assert_eq!(all["schedules"][1], look(http, "b"));
    assert_eq!(all["schedules"].as_array().map(Vec::len), Some(2));

    for name in ["a", "b"] {
        let path = format!("/v1/schedules/{name}");
        http.delete(&path).expect(204);
        http.delete(&path)
            .expect_problem(404, "unknown-schedule", None);
        http.get(&path)
            .expect_problem(404, "unknown-schedule", None);
    }
    // Whatever was on its way comes, and then nothing more.
    let enqueue = || slot(&http.enqueue(&json!({"task": "echo", "queue": "emails"})));
    until("nothing occurs any more", SOON, || {
        let before = enqueue();
        std::thread::sleep(Duration::from_millis(2_500));
        (enqueue() == before + 1).then_some(())
    });
    http.delete(&format!("/v1/tasks/{id}")).expect(202);
}

fn paused_and_resumed(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let body = json!({"task": "echo", "every": "1s", "missed": "all"});
    put(host.http(), "a", &body).expect(201);
    occurrences(host.http(), "a", 1, SOON);
    let operate = |http: &Client, what: &str| {
        let path = format!("/v1/schedules/a/{what}");
        http.send("POST", &path, &[], b"").expect(200).json()
    };
    let paused = operate(host.http(), "pause");
    assert_eq!(paused["paused"], true);
    assert_eq!(paused["next_run"], Value::Null);
    // An occurrence that was on its way may still come.
    host.restart();
    let http = host.http();
    let again = put(http, "a", &body).expect(200).json();
    assert_eq!(again["paused"], true, "a put resumes nothing");
    let put_again = put(http, "a", &operate(http, "pause"));
    assert_eq!(put_again.expect(200).json()["paused"], true);
    // Another schedule shows that the time is kept meanwhile.
    put(http, "b", &body).expect(201);
    occurrences(http, "b", 4, RESUMED);
    let last = look(http, "a")["last_run"].clone();
    occurrences(http, "b", 3, SOON);
    let still = look(http, "a");
    assert_eq!(still["last_run"], last);
    let listed = http.get("/v1/queues/default/tasks?schedule=a&limit=100");
    let before = listed.expect(200).json()["tasks"].as_array().map(Vec::len);
    assert!(
        !http
            .get("/metrics")
            .expect(200)
            .text()
            .contains("next_run_timestamp_seconds{schedule=\"a\"}")
    );

    let resumed = operate(http, "resume");
    assert_eq!(resumed["paused"], false);
    assert_eq!(resumed["put_at"], still["put_at"]);
    let next_ms = time_ms(&resumed, "next_run");
    assert_eq!((next_ms - time_ms(&resumed, "put_at")) % 1_000, 0);
    let seen = occurrences(http, "a", 3, SOON);
    let first_ms = seen
        .keys()
        .find(|at_ms| last.is_null() || **at_ms > time_ms(&last, "at"));
    assert!(
        first_ms.is_some_and(|at_ms| *at_ms >= next_ms),
        "{seen:?}, {resumed:#}"
    );
    let listed = http.get("/v1/queues/default/tasks?schedule=a&limit=100");
    let after = listed.expect(200).json()["tasks"].as_array().map(Vec::len);
    assert!(after > before, "it goes on");

    for what in ["pause", "resume"] {
        let path = format!("/v1/schedules/none/{what}");
        let reply = http.send("POST", &path, &[], b"");
        reply.expect_problem(404, "unknown-schedule", None);
    }
}

fn by_the_calendar(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let body = json!({"task": "echo", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "missed": "skip",
        "expires": "10m", "retry": {"attempts": 2}});
    let schedule = put(http, "nightly", &body).expect(201).json();
    let next = schedule["next_run"].as_str().expect("a time");
    assert!(
        next.contains("T00:30:00") || next.contains("T01:30:00"),
        "{next}"
    );
    let expected = json!({"name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "task": "echo",
        "args": {}, "queue": "default", "overlap": "queue", "missed": "skip", "priority": "normal", "expires": "10m", "timeout": "1m",
        "retention": "1d", "retry": {"attempts": 2, "initial": "1s", "factor": 2.0, "max": "1h"}, "paused": false, "last_run": null,
        "put_at": schedule["put_at"], "next_run": next});
    assert_eq!(schedule, expected);
    assert_eq!(look(http, "nightly"), expected);
    for (name, cron, end) in [
        ("midnight", "@midnight", "T00:00:00.000Z"),
        ("mondays", "0 9 */1 * MON", "T09:00:00.000Z"),
    ] {
        let schedule = put(http, name, &json!({"task": "echo", "cron": cron}));
        let next = schedule.expect(201).json()["next_run"].clone();
        let next = next.as_str().expect("a time");
        assert!(next.ends_with(end), "{name}: {next}");
        let next: Timestamp = next.parse().expect("a time");
        let next = next.to_zoned(TimeZone::UTC);
        assert!(
            name != "mondays" || next.weekday() == Weekday::Monday,
            "{next}"
        );
    }
    let every_minute = json!({"task": "echo", "cron": "* * * * *"});
    put(http, "minute", &every_minute).expect(201);
    let seen = occurrences(http, "minute", 1, Duration::from_secs(80));
    for (at_ms, id) in seen {
        assert_eq!(at_ms % 60_000, 0);
        http.succeeded(&id, SOON);
    }
}

fn refused(pair: Pair) {
    let host = Host::start(pair, &[]);
    let table = [
        (json!({}), "task"),
        (json!({"task": "echo"}), "cron"),
        (
            json!({"task": "echo", "every": "1m", "cron": "* * * * *"}),
            "every",
        ),
        (json!({"task": "echo", "every": "1ms"}), "every"),
        (json!({"task": "echo", "cron": "every day"}), "cron"),
        (json!({"task": "echo", "cron": "0 0 31 2 *"}), "cron"),
        (json!({"task": "echo", "cron": "30 6 * MON-FRI *"}), "cron"),
        (json!({"task": "echo", "cron": "0 0 1 1JAN *"}), "cron"),
        (json!({"task": "echo", "cron": "1,,2 * * * *"}), "cron"),
        (json!({"task": "echo", "cron": "@reboot"}), "cron"),
        (
            json!({"task": "echo", "cron": "* * * * *", "timezone": "Berlin"}),
            "timezone",
        ),
        (json!({"task": "no.such", "every": "1m"}), "task"),
        (
            json!({"task": "sleep", "every": "1m", "args": {}}),
            "args.for",
        ),
        (
            json!({"task": "echo", "every": "1m", "queue": "fax"}),
            "queue",
        ),
        (
            json!({"task": "echo", "every": "1m", "overlap": "wait"}),
            "overlap",
        ),
        (
            json!({"task": "echo", "every": "1m", "missed": true}),
            "missed",
        ),
        (
            json!({"task": "echo", "every": "1m", "delay": "1m"}),
            "delay",
        ),
    ];
    changes_nothing(&host, |host| {
        let http = host.http();
        for (body, field) in &table {
            put(http, "a", body).expect_problem(400, "invalid-request", Some(field));
        }
        let reply = put(http, "a", &table[4].0);
        assert!(
            reply.text().contains("30 6 * * MON-FRI"),
            "{}",
            reply.text()
        );
        let good = json!({"task": "echo", "every": "1m"});
        put(http, "No-Name", &good).expect_problem(400, "invalid-request", Some("name"));
        let large = json!({"task": "echo", "every": "1m", "args": "x".repeat(300_000)});
        put(http, "a", &large).expect_problem(413, "too-large", Some("args"));
        http.get("/v1/schedules/a")
            .expect_problem(404, "unknown-schedule", None);
        http.post("/v1/schedules/a", &good).expect(405);
        http.post("/v1/schedules", &good).expect(405);
        let all = http.get("/v1/schedules").expect(200).json();
        assert_eq!(all, json!({"schedules": []}));
    });
}
