//! `/readyz`: what keeps the application from its work is found out and said.

use handoff_e2e::{Host, Manifest, Pair, on, on_every_pair, on_every_pair_and_wash, until};
use serde_json::json;
use std::thread;
use std::time::Duration;

on_every_pair!(a_worker_out_of_reach_is_not_the_stores_fault);
on_every_pair_and_wash!(ready_for_everybody_at_once);

on!(Some: every_variable_that_cannot_be_used_is_named: local_memory LOCAL_MEMORY, spin_sqlite SPIN_SQLITE);

on!(Some: a_worker_that_is_not_said_to_be_one_is_found_out: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

on!(Some: an_api_that_is_said_to_be_a_worker_is_found_out: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

on!(Some: a_worker_with_other_variables_is_found_out: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

on!(Some: clocks_that_differ_are_told_of: local_redis LOCAL_REDIS, spin_redis SPIN_REDIS);

on!(Some: a_store_that_lost_writes_is_told_of: local_redis LOCAL_REDIS, spin_redis SPIN_REDIS);

// Spin has no store that is wrong on purpose.
on!(Some: an_increment_that_is_not_atomic_is_found_out: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS,
    local_memory LOCAL_MEMORY);

const SOON: Duration = Duration::from_secs(40);

/// Variables, values that can be read and not be meant, and what the answer says of them.
const NOT_MEANT: [(&str, &str, &str); 10] = [
    (
        "queues",
        "default emails default",
        "\\\"default\\\" is there twice",
    ),
    ("webhook_secrets", TWICE, "number 2 is number 1 again"),
    (
        "cors_origins",
        "https://a.example https://a.example",
        "is there twice",
    ),
    ("allowed_hosts", "a.example A.example", "is there twice"),
    (
        "workers_max",
        "0",
        "is \\\"0\\\", but must be a whole number from 1",
    ),
    (
        "body_max_bytes",
        "255",
        "is \\\"255\\\", but must be a whole number from 256",
    ),
    (
        "args_max_bytes",
        "255",
        "is \\\"255\\\", but must be a whole number from 256",
    ),
    (
        "result_max_bytes",
        "0",
        "is \\\"0\\\", but must be a whole number from 1",
    ),
    (
        "worker_budget",
        "0s",
        "is \\\"0s\\\", but must be a duration such as",
    ),
    ("events_max", "0.4ms", "a whole number of milliseconds"),
];

/// Handlers that would never be called, or never as meant, and what the answer says.
const HANDLERS: [(&str, &str); 2] = [
    (
        r#"{"echo": {"url": "http://x/"}}"#,
        "\\\"echo\\\", a kind of tasks that the worker runs itself",
    ),
    (
        r#"{"mail": {"url": "http://x/", "secret": true}}"#,
        "none to sign with",
    ),
];

const TWICE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Variables, values that can't be used, and what the answer says to write.
const BROKEN: [(&str, &str, &str); 17] = [
    ("store", "redis://:hunter2@", "key-value"),
    ("queues", "UPPER", "names of queues"),
    (
        "queue_limits",
        "{\"default\": {\"concurency\": 1}}",
        "JSON such as",
    ),
    ("webhook_secrets", "whsec_hunter2", "base64"),
    ("handlers", r#"{"mail": {"url": "mail"}}"#, "mail.url"),
    (
        "api_tokens",
        "hunter2:of:four:parts",
        "name:scope+scope:token",
    ),
    (
        "cors_origins",
        "https://app.example.org/path",
        "origins such as",
    ),
    ("allowed_hosts", "http://a.example", "hosts with commas"),
    ("workers_max", "many", "a whole number from 1"),
    ("worker_budget", "long", "duration such as"),
    ("events_max", "25 parsecs", "duration such as"),
    ("body_max_bytes", "1 MiB", "a whole number from 256"),
    ("args_max_bytes", "-1", "a whole number from 256"),
    ("result_max_bytes", "", "a whole number from 1"),
    ("log", "everything", "off, errors or tasks"),
    ("otlp_endpoint", "127.0.0.1:4318", "must be a URL such as"),
    ("fault_tasks", "maybe", "true or false"),
];

fn every_variable_that_cannot_be_used_is_named(pair: Pair) {
    for (name, value, write) in BROKEN {
        let host = Host::start(pair, &[(name, value)]);
        let reply = host.http().get("/readyz");
        reply.expect_problem(500, "misconfigured", None);
        let text = reply.text();
        assert!(
            text.contains(name) && text.contains(write),
            "{name}: {text}"
        );
        assert!(!text.contains("hunter2"), "{name}: {text}");
        for (other, ..) in BROKEN {
            let quoted = format!("\\\"{other}\\\"");
            assert!(other == name || !text.contains(&quoted), "{name}: {text}");
        }
        for path in ["/healthz", "/openapi.json"] {
            host.http().get(path).expect(200);
        }
    }

    let all: Vec<_> = BROKEN
        .iter()
        .map(|(name, value, _)| (*name, *value))
        .collect();
    let host = Host::start(pair, &all);
    let reply = host.http().get("/readyz");
    reply.expect_problem(500, "misconfigured", None);
    let text = reply.text();
    for (name, _, write) in BROKEN {
        assert!(
            text.contains(name) && text.contains(write),
            "{name}: {text}"
        );
    }
    let count = format!("{} variables", BROKEN.len());
    assert!(text.contains(&count), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!text.contains("invalid digit"), "{text}");

    let host = Host::start(pair, &NOT_MEANT.map(|(name, value, _)| (name, value)));
    let text = host.http().get("/readyz").expect(500).text();
    for (name, _, said) in NOT_MEANT {
        let (_, about) = text
            .split_once(&format!("\\\"{name}\\\""))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(about.contains(said), "{name}: {text}");
    }
    assert!(text.contains("10 variables"), "{text}");

    for (handlers, said) in HANDLERS {
        let host = Host::start(pair, &[("handlers", handlers)]);
        let text = host.http().get("/readyz").expect(500).text();
        assert!(text.contains(said), "{text}");
    }
}

fn a_worker_with_other_variables_is_found_out(pair: Pair) {
    let own =
        "[component.handoff-worker.variables]\nstore = \"{{ store }}\"\nqueues = \"{{ queues }}\"";
    let other = own.replace("{{ queues }}", "emails");
    let manifest = Manifest::changed(&[(own, &other)]);
    let host = Host::start_other(pair, manifest.path());
    let reply = host.http().get("/readyz");
    reply.expect_problem(500, "misconfigured", None);
    let says = ["for: queues", "[component.handoff-worker.variables]"];
    assert!(
        says.iter().all(|part| reply.text().contains(part)),
        "{}",
        reply.text()
    );
}

fn a_worker_that_is_not_said_to_be_one_is_found_out(pair: Pair) {
    let role = "environment = { HANDOFF_ROLE = \"worker\" }\n";
    for (wrong, said) in [
        ("", "is not set"),
        (&*role.replace("\"w", "\"W"), "is \"Worker\""),
    ] {
        let manifest = Manifest::changed(&[(role, wrong)]);
        let host = Host::start_other(pair, manifest.path());
        let http = host.http();
        let reply = http.get("/readyz");
        reply.expect_problem(503, "worker-unreachable", None);
        let detail = reply.json()["detail"].as_str().map(str::to_owned);
        let detail = detail.unwrap_or_default();
        assert!(
            detail.contains("HANDOFF_ROLE") && detail.contains(said),
            "{detail}"
        );
        // It takes tasks all the same, and they wait.
        let id = http.enqueue(&json!({"task": "echo"}));
        let task = http.get(&format!("/v1/tasks/{id}")).expect(200).json();
        assert_eq!(task["state"], "queued", "{task:#}");
    }
}

/// As by `spin up --env`, which reaches every component.
fn an_api_that_is_said_to_be_a_worker_is_found_out(pair: Pair) {
    let api = "[component.handoff]\n";
    let role = format!("{api}environment = {{ HANDOFF_ROLE = \"worker\" }}\n");
    let manifest = Manifest::changed(&[(api, &role)]);
    let host = Host::start_other(pair, manifest.path());
    let http = host.http();
    let reply = http.get("/readyz");
    reply.expect_problem(500, "misconfigured", None);
    assert!(reply.text().contains("HANDOFF_ROLE"), "{}", reply.text());
    // It is not open for that.
    for path in [
        "/work/default",
        "/keep/default",
        "/shared",
        "/variables",
        "/reach/x",
        "/probe/probe.1",
        "/lifetime/held",
    ] {
        let reply = http.post(path, &json!({"shared": []}));
        reply.expect_problem(404, "not-found", None);
    }
    let id = http.enqueue(&json!({"task": "echo", "args": 1}));
    assert_eq!(http.succeeded(&id, Duration::from_secs(40))["result"], 1);
}

fn ready_for_everybody_at_once(pair: Pair) {
    let host = Host::start(pair, &[]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..40 {
                    let ready = host.http().get("/readyz").expect(200);
                    assert_eq!(ready.json(), pair.ready());
                }
            });
        }
    });
}

fn an_increment_that_is_not_atomic_is_found_out(pair: Pair) {
    let host = Host::start_with(pair, &[], &["--fault", "store-racy"]);
    for _ in 0..3 {
        let reply = host.http().get("/readyz");
        reply.expect_problem(503, "store-unavailable", None);
        let text = reply.text();
        assert!(text.contains("increment is not atomic"), "{text}");
        assert!(
            text.contains("Use a store whose increment is atomic"),
            "{text}"
        );
    }
}

fn a_worker_out_of_reach_is_not_the_stores_fault(pair: Pair) {
    let changed = [(
        r#"["http://handoff-worker.spin.internal", "redis:"#,
        r#"["redis:"#,
    )];
    let manifest = Manifest::changed(&changed);
    let host = Host::start_other(pair, manifest.path());
    let reply = host.http().get("/readyz");
    reply.expect_problem(503, "worker-unreachable", None);
    assert!(
        reply
            .text()
            .contains("allowed_outbound_hosts of [component.handoff]"),
        "{}",
        reply.text()
    );
    assert!(!reply.text().contains("atomic"), "{}", reply.text());
}

/// The record of a keeper whose clock was an hour ahead. The next keeper finds it.
fn clocks_that_differ_are_told_of(pair: Pair) {
    const AHEAD: &str = r#"EVAL "local key = redis.call('KEYS', '*default*keeper')[1] if key then local record = redis.call('GET', key) redis.call('SET', key, (string.gsub(record, '\"due_s\":(%d+)', function(s) return '\"due_s\":' .. string.format('%d', s + 3600) end))) end return 'OK'" 0"#;
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let ready = || http.get("/readyz").expect(200).json();
    let id = http.enqueue(&json!({"task": "echo"}));
    http.succeeded(&id, SOON);
    assert_eq!(ready(), pair.ready());
    let warnings = until("a keeper finds it", SOON, || {
        assert_eq!(host.redis().ask(AHEAD), "OK");
        http.enqueue(&json!({"task": "echo"}));
        let ready = ready();
        assert_eq!(ready["status"], "ready");
        ready["warnings"].as_array().cloned()
    });
    let warning = warnings[0].as_str().expect("text");
    assert!(
        warning.starts_with("queue default: at ") && warning.contains("ahead of another's by "),
        "{warning}"
    );
    assert!(warning.contains("NTP"), "{warning}");
}

/// A head that counted further, as a keeper saw. It goes back while that keeper is there.
fn a_store_that_lost_writes_is_told_of(pair: Pair) {
    const BACK: &str = r#"EVAL "local key = redis.call('KEYS', '*default.head')[1] if key then redis.call('SET', key, 1) end return 'OK'" 0"#;
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let warnings = until("a keeper finds it", SOON, || {
        http.enqueue(&json!({"task": "sleep", "args": {"for": "6s"}}));
        for _ in 0..5 {
            http.enqueue(&json!({"task": "echo"}));
        }
        let ready = http.get("/readyz").expect(200).json();
        let warnings = ready["warnings"].as_array().cloned();
        if warnings.is_none() {
            assert_eq!(host.redis().ask(BACK), "OK");
        }
        warnings
    });
    let warning = warnings[0].as_str().expect("text");
    assert!(
        warning.contains("the store had lost its last writes"),
        "{warning}"
    );
    let id = http.enqueue(&json!({"task": "echo", "args": 7}));
    assert_eq!(http.succeeded(&id, SOON)["result"], 7);
}
