//! Components of `cargo xtask build --without-key-value`: a host without a key-value store runs them, with a Redis.

use handoff_e2e::{Host, Manifest, Pair, on, workspace};
use serde_json::json;
use std::fs;
use std::time::Duration;

on!(Some: a_task_runs_without_a_key_value_store: local_outbound LOCAL_OUTBOUND,
    local_as_akamai LOCAL_AS_AKAMAI, spin_outbound SPIN_OUTBOUND);

const COMPONENTS: &str = "target/components/without-key-value";
const LIMIT: Duration = Duration::from_secs(40);
const GIVEN: &str = "key_value_stores = [\"default\"]\n";

/// The application of these components, as for a host that has no store to give.
fn manifest() -> Manifest {
    let manifest = fs::read_to_string(workspace("spin.toml")).expect("spin.toml");
    assert_eq!(manifest.matches(GIVEN).count(), 2, "what is left out");
    let sources = format!("source = \"{COMPONENTS}");
    Manifest::changed(&[(GIVEN, ""), ("source = \"target/components", &sources)])
}

fn a_task_runs_without_a_key_value_store(pair: Pair) {
    for file in [
        "handoff.wasm",
        "handoff_gather.wasm",
        "handoff_console.wasm",
    ] {
        let component = fs::read(workspace(COMPONENTS).join(file)).expect(file);
        let import = b"wasi:keyvalue/";
        let imports = component.windows(import.len()).any(|part| part == import);
        assert!(!imports, "{file} imports a key-value store");
    }
    let manifest = manifest();

    let host = Host::start_other(pair, manifest.path());
    let http = host.http();
    http.get("/readyz").expect(200);
    let id = http.enqueue(&json!({"task": "echo", "args": {"a": 1}}));
    let task = http.finished(&id, LIMIT);
    assert_eq!(task["state"], "succeeded", "{task:#}");
    assert_eq!(task["result"], json!({"a": 1}), "{task:#}");
    drop(host);

    // The variable store has its default, the host's own store.
    let host = Host::start_other(Pair::LOCAL_SQLITE, manifest.path());
    let reply = host.http().get("/ping");
    reply.expect_problem(500, "misconfigured", None);
    let text = reply.text();
    assert!(text.contains("it must be redis://"), "{text}");
}
