//! A real Prometheus that scrapes a real deployment, with the alert rules and the dashboard of
//! `docs/operations`.

use handoff_e2e::{Client, Host, Pair, Process, built, free_port, on, until, workspace};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

on!(Some: it_scrapes_what_the_dashboard_shows: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

const TOKENS: &str = "any-0123456789abcdef scraper:read:reader-0123456789abcdef";
const SOON: Duration = Duration::from_secs(30);
/// Rescue counts a task 10 s after it was taken, and a whole pass publishes it up to 5 s later.
const COUNTED: Duration = Duration::from_secs(60);

/// A program of Prometheus.
fn program(name: &str) -> Option<PathBuf> {
    let folder = built("tests/prometheus")?;
    Some(folder.join(".tools/usr/bin").join(name))
}

/// Runs `promtool` and expects that it finds nothing.
fn promtool(arguments: &[&str], input: Option<&Path>) {
    let Some(program) = program("promtool") else {
        return;
    };
    let mut promtool = Command::new(program);
    promtool.args(arguments).current_dir(workspace(""));
    if let Some(input) = input {
        promtool.stdin(fs::File::open(input).expect("the input"));
    }
    let output = promtool.output().expect("promtool is started");
    let errors = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    let sound = output.status.success() && errors.is_empty();
    assert!(sound, "{arguments:?}: {printed}\n{errors}");
}

#[test]
fn the_rules_are_sound_and_fire_as_they_should() {
    promtool(&["check", "rules", "docs/operations/alerts.yml"], None);
    promtool(&["test", "rules", "tests/prometheus/alerts_test.yml"], None);
}

fn it_scrapes_what_the_dashboard_shows(pair: Pair) {
    let Some(prometheus) = program("prometheus") else {
        return;
    };
    let host = Host::start(pair, &[("api_tokens", TOKENS)]);
    let enqueue = |task: Value| {
        let body = task.to_string();
        let bearer = [("authorization", "Bearer any-0123456789abcdef")];
        host.http()
            .send("POST", "/v1/tasks", &bearer, body.as_bytes())
            .expect(202);
    };
    enqueue(json!({"task": "echo"}));
    let call = json!({"url": "http://nobody.invalid/"});
    enqueue(json!({"task": "http.request", "args": call, "retry": {"attempts": 1}}));

    let folder = tempfile::tempdir().expect("a folder");
    let metrics = folder.path().join("metrics");
    let bearer = [("authorization", "Bearer reader-0123456789abcdef")];
    let text = host
        .http()
        .send("GET", "/metrics", &bearer, &[])
        .expect(200);
    fs::write(&metrics, text.text()).expect("a file");
    promtool(&["check", "metrics"], Some(&metrics));

    let prometheus = Prometheus::start(&prometheus, &host, folder.path());
    let query = |expression: &str| -> Value {
        let form = format!("query={}", encoded(expression));
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let reply = prometheus
            .http
            .send("POST", "/api/v1/query", &kind, form.as_bytes());
        reply.expect(200).json()["data"]["result"].clone()
    };
    until("it counts both ends", COUNTED, || {
        let ended = query("sum(handoff_tasks_ended_total)");
        (ended[0]["value"][1] == "2").then_some(())
    });
    // No schedule exists here.
    for expression in expressions().iter().filter(|e| !e.contains("schedule")) {
        // A rate needs two scrapes.
        until(expression, SOON, || {
            let result = query(expression);
            let empty = result.as_array().is_none_or(Vec::is_empty);
            (!empty).then_some(())
        });
    }
    let rules = prometheus.http.get("/api/v1/rules").expect(200).json();
    let rules = rules["data"]["groups"][0]["rules"]
        .as_array()
        .expect("rules")
        .clone();
    let unhealthy: Vec<_> = rules
        .iter()
        .filter(|rule| rule["health"] == "err")
        .collect();
    assert!(unhealthy.is_empty(), "{unhealthy:#?}");
}

/// A Prometheus that scrapes a deployment once a second, with the alert rules.
struct Prometheus {
    http: Client,
    _process: Process,
}

impl Prometheus {
    fn start(program: &Path, host: &Host, folder: &Path) -> Self {
        let rules = workspace("docs/operations/alerts.yml");
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [{
                "job_name": "handoff",
                "authorization": {"credentials": "reader-0123456789abcdef"},
                "static_configs": [{"targets": [host.address().to_string()]}],
            }],
        });
        // JSON is YAML.
        let file = folder.join("prometheus.yml");
        fs::write(&file, config.to_string()).expect("a file");
        let port = free_port();
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let log = folder.join("log");
        let mut process = Process::start(program, &arguments.map(Into::into), folder, &log);
        until("Prometheus is ready", SOON, || {
            assert!(!process.has_ended(), "{}", process.output());
            process
                .output()
                .contains("ready to receive web requests")
                .then_some(())
        });
        Self {
            http: Client::new(([127, 0, 0, 1], port).into()),
            _process: process,
        }
    }
}

/// The expressions of the dashboard, with its variables filled in.
fn expressions() -> Vec<String> {
    let dashboard = fs::read(workspace("docs/operations/dashboard.json"));
    let dashboard: Value =
        serde_json::from_slice(&dashboard.expect("it can be read")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let expressions = targets
        .flatten()
        .filter_map(|target| target["expr"].as_str());
    let filled = expressions.map(|expression| {
        let expression = expression.replace("$queue", ".*").replace("$task", ".*");
        expression.replace("$__rate_interval", "1m")
    });
    filled.collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
