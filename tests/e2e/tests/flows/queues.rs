//! Several queues, and what an operator does to them.

use handoff_e2e::{Client, Host, Pair, on_every_pair, until};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(
    by_name,
    paused_resumed_and_purged,
    nobody_runs_what_is_not_listed,
    statistics,
    another_goes_on_after_a_crash
);

const QUEUES: (&str, &str) = ("queues", "default, emails");
const SOON: Duration = Duration::from_secs(10);
/// The next window begins within 5 s, and each request pushes one of two queues along, by chance.
const RESUMED: Duration = Duration::from_secs(60);

fn look(http: &Client, queue: &str) -> Value {
    http.get(&format!("/v1/queues/{queue}")).expect(200).json()
}

fn operate(http: &Client, queue: &str, what: &str) -> Value {
    let path = format!("/v1/queues/{queue}/{what}");
    http.post(&path, &json!({})).expect(200).json()
}

fn by_name(pair: Pair) {
    let host = Host::start(pair, &[QUEUES]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "echo", "args": 1, "queue": "emails"}));
    assert!(id.starts_with("emails-"), "{id}");
    let task = http.succeeded(&id, SOON);
    assert_eq!(task["queue"], "emails");
    let status = http.get(&format!("/status/{id}")).expect(200).json();
    assert_eq!(status["result"], 1);
    let id = http.enqueue(&json!({"task": "echo"}));
    assert!(id.starts_with("default-"), "{id}");

    let batch = json!({"queue": "emails", "tasks": [{"task": "echo"}, {"task": "echo", "queue": "emails"}]});
    let answer = http.post("/v1/tasks:batch", &batch).expect(202).json();
    let first = answer["tasks"][0]["id"].as_str().expect("an id");
    http.succeeded(first, SOON);
    assert_eq!(answer["tasks"][1]["error"]["field"], "tasks[1].queue");

    let names = |queues: &Value| -> Vec<Value> {
        let queues = queues["queues"].as_array().cloned().unwrap_or_default();
        queues.iter().map(|queue| queue["name"].clone()).collect()
    };
    let all = http.get("/v1/queues").expect(200).json();
    assert_eq!(names(&all), ["default", "emails"], "{all:#}");

    let unknown = json!({"task": "echo", "queue": "fax"});
    let reply = http.post("/v1/tasks", &unknown);
    reply.expect_problem(400, "invalid-request", Some("queue"));
    assert!(reply.text().contains("default, emails"), "{}", reply.text());
    http.get("/v1/queues/emails/purge/now").expect(404);
    http.post("/v1/queues/emails/purge/now", &json!({}))
        .expect(404);
    for path in ["/v1/queues/fax", "/v1/queues/Not%20a%20name"] {
        http.get(path).expect_problem(404, "unknown-queue", None);
    }
    let reply = http.post("/v1/queues/fax/pause", &json!({}));
    reply.expect_problem(404, "unknown-queue", None);
    http.get("/v1/queues/emails/pause").expect(405);
    http.post("/v1/queues/emails/stop", &json!({})).expect(404);
}

fn paused_resumed_and_purged(pair: Pair) {
    let mut host = Host::start(pair, &[QUEUES]);
    let http = host.http();
    let running = http.enqueue(&json!({"task": "sleep", "args": {"for": "3s"}, "queue": "emails"}));
    until("the task runs", SOON, || {
        (http.task(&running)["state"] == "running").then_some(())
    });
    assert_eq!(operate(http, "emails", "pause")["paused"], true);
    let waits = http.enqueue(&json!({"task": "echo", "args": 2, "queue": "emails"}));
    http.succeeded(&running, SOON);
    // Others go on; by then a worker of this one would have come for the task, too.
    let other = http.enqueue(&json!({"task": "sleep", "args": {"for": "2s"}}));
    http.succeeded(&other, SOON);
    assert_eq!(http.task(&waits)["state"], "queued");
    assert_eq!(look(http, "emails")["waiting"], 1);

    // A pause outlives the host.
    host.restart();
    let http = host.http();
    assert_eq!(look(http, "emails")["paused"], true);
    assert_eq!(http.task(&waits)["state"], "queued");
    assert_eq!(operate(http, "emails", "resume")["paused"], false);
    assert_eq!(http.succeeded(&waits, SOON)["result"], 2);

    operate(http, "emails", "pause");
    let tasks: Vec<_> = (0..300)
        .map(|i| json!({"task": "echo", "args": i}))
        .collect();
    let batch = json!({"queue": "emails", "tasks": tasks});
    let answer = http.post("/v1/tasks:batch", &batch).expect(202).json();
    // A worker may have held a ticket for one of them, and puts it back.
    until("all wait", SOON, || {
        (look(http, "emails")["waiting"] == 300).then_some(())
    });
    assert_eq!(operate(http, "emails", "purge")["purged"], 300);
    let queue = operate(http, "emails", "resume");
    assert_eq!(queue["waiting"], 0, "{queue:#}");
    for task in answer["tasks"].as_array().expect("a list") {
        let id = task["id"].as_str().expect("an id");
        assert_eq!(http.task(id)["state"], "cancelled");
    }
    let after = http.enqueue(&json!({"task": "echo", "queue": "emails"}));
    http.succeeded(&after, SOON);
}

fn statistics(pair: Pair) {
    let mut host = Host::start(pair, &[QUEUES, ("fault_tasks", "true")]);
    let http = host.http();
    let fresh = look(http, "emails");
    assert_eq!(fresh["latency"], Value::Null, "{fresh:#}");
    assert_eq!(
        (&fresh["running"], &fresh["waiting"]),
        (&json!(0), &json!(0))
    );
    let enqueue = |http: &Client, mut task: Value| {
        task["queue"] = json!("emails");
        http.enqueue(&task)
    };
    let sleep = |time: &str| json!({"task": "sleep", "args": {"for": time}, "timeout": "5m"});
    let long = enqueue(http, sleep("3m"));
    let short = [enqueue(http, sleep("1s")), enqueue(http, sleep("1s"))];
    let fails = json!({"task": "fault", "args": {"how": "fail"}, "retry": {"attempts": 1}});
    let fails = enqueue(http, fails);
    until("it fails", SOON, || {
        (http.task(&fails)["state"] == "failed").then_some(())
    });
    short.iter().for_each(|id| drop(http.succeeded(id, SOON)));
    assert_eq!(look(http, "emails")["running"], 1);
    // Rescue counts them when it comes by, also after a crash.
    host.restart();
    let http = host.http();
    let ended = until("they are counted", RESUMED, || {
        http.get("/healthz").expect(200);
        let ended = look(http, "emails")["ended"].clone();
        (ended["succeeded"] == 2 && ended["failed"] == 1).then_some(ended)
    });
    let expected = json!({"succeeded": 2, "failed": 1, "cancelled": 0, "expired": 0});
    assert_eq!(ended, expected);
    let queue = look(http, "emails");
    // "1s" told too long by an eighth at most, and the overhead of an attempt.
    let p90 = queue["run"]["p90"].as_str().expect("a duration");
    assert!(p90.starts_with("1."), "{queue:#}");
    assert!(queue["latency"]["p90"].is_string(), "{queue:#}");
    assert_eq!(look(http, "default")["ended"]["succeeded"], 0);

    operate(http, "emails", "pause");
    enqueue(http, json!({"task": "echo"}));
    until("it waits for a second", SOON, || {
        let waited = look(http, "emails")["oldest_waiting"].clone();
        let waited = waited.as_str().expect("a duration").to_owned();
        (!waited.ends_with("ms")).then_some(())
    });
    http.delete(&format!("/v1/tasks/{long}"));
}

/// A queue that is taken out of the variable keeps its tasks, whoever asks for them.
fn nobody_runs_what_is_not_listed(pair: Pair) {
    let mut host = Host::start(pair, &[QUEUES]);
    let task =
        json!({"task": "echo", "args": 4, "queue": "emails", "delay": "2s", "timeout": "4s"});
    let id = host.http().enqueue(&task);
    host.restart_with("queues", "default");
    let http = host.http();
    http.get("/v1/queues/emails")
        .expect_problem(404, "unknown-queue", None);
    // It is due meanwhile, and somebody waits for it.
    for _ in 0..4 {
        let other = http.enqueue(&json!({"task": "sleep", "args": {"for": "1s"}}));
        http.get(&format!("/v1/tasks/{id}?wait=1s")).expect(200);
        http.succeeded(&other, SOON);
    }
    assert_eq!(http.task(&id)["state"], "queued");
    host.restart_with("queues", "default emails");
    let http = host.http();
    until("it is run", RESUMED, || {
        http.get("/healthz").expect(200);
        (http.task(&id)["state"] == "succeeded").then_some(())
    });
}

/// Nobody asks for the queue that is not the default one: any request pushes it along.
fn another_goes_on_after_a_crash(pair: Pair) {
    let mut host = Host::start(pair, &[QUEUES]);
    let http = host.http();
    operate(http, "emails", "pause");
    let id = http.enqueue(&json!({"task": "echo", "args": 3, "queue": "emails", "timeout": "4s"}));
    let delayed =
        http.enqueue(&json!({"task": "echo", "delay": "2s", "queue": "emails", "timeout": "4s"}));
    operate(http, "emails", "resume");
    host.restart();
    let http = host.http();
    until("both have run", RESUMED, || {
        http.get("/healthz").expect(200);
        let depth = look(http, "emails");
        let open = depth["waiting"] != 0;
        (!open && http.task(&delayed)["state"] == "succeeded").then_some(())
    });
    assert_eq!(http.succeeded(&id, RESUMED)["result"], 3);
}
