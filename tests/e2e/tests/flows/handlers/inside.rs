//! Handlers that are components of the application.

use super::{LIMIT, SECRET};
use handoff_e2e::{Host, Manifest, Pair, on};
use serde_json::json;

on!(Some: a_component_runs_tasks: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: one_that_is_not_there_is_named: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

const TASKS: &str = r#"[[trigger.http]]
route = { private = true }
component = "tasks"

[component.tasks]
source = "target/components/handoff_conformance_component.wasm"

[component.handoff-worker]
"#;

/// The application with a component `tasks`, and all kinds of tasks run at this URL.
fn start(pair: Pair, url: &str) -> Host {
    let handlers = format!(r#"handlers = {{ default = '{{"*": {{"url": "{url}"}}}}' }}"#);
    let host = url.split('/').nth(2).expect("a host");
    let secrets = format!("webhook_secrets = {{ default = \"{SECRET}\"");
    let manifest = Manifest::changed(&[
        ("[component.handoff-worker]\n", TASKS),
        ("handlers = { default = \"\" }", &handlers),
        ("handler.invalid", host),
        ("webhook_secrets = { default = \"\"", &secrets),
    ]);
    Host::start_other(pair, manifest.path())
}

fn a_component_runs_tasks(pair: Pair) {
    let host = start(pair, "http://tasks.spin.internal/task");
    let http = host.http();
    http.get("/readyz").expect(200);
    let id = http.enqueue(&json!({"task": "any", "args": [1, 2]}));
    let result = &http.succeeded(&id, LIMIT)["result"];
    assert_eq!(
        (&result["sent"]["id"], &result["sent"]["args"]),
        (&json!(id), &json!([1, 2]))
    );
    assert_eq!(
        result["signed"], false,
        "a component of the application needs no signature"
    );
}

fn one_that_is_not_there_is_named(pair: Pair) {
    let host = start(pair, "http://taks.spin.internal/task");
    let unready = host.http().get("/readyz");
    unready.expect_problem(500, "misconfigured", None);
    assert!(
        unready.text().contains("http://taks.spin.internal/task"),
        "{}",
        unready.text()
    );
    assert!(
        unready.text().contains("[component.handoff-worker]"),
        "{}",
        unready.text()
    );
}
