//! What tools make of the API's OpenAPI document. Their packages are in `tests/openapi`.

use handoff_e2e::{Host, Manifest, Pair, built, on, workspace};
use std::process::Command;

on!(Some: schemathesis_finds_nothing: local_sqlite LOCAL_SQLITE);

#[test]
fn the_document_passes_a_linter() {
    let Some(folder) = built("tests/openapi") else {
        return;
    };
    let mut linter = Command::new(folder.join(".venv/bin/openapi-spec-validator"));
    passes(linter.arg(workspace("src/api/openapi.json")));
}

/// Valid and invalid requests, made from the document that the host serves, and sent to the server that
/// it names.
fn schemathesis_finds_nothing(pair: Pair) {
    let Some(folder) = built("tests/openapi") else {
        return;
    };
    let manifest = Manifest::changed(&[("route = \"/...\"", "route = \"/jobs/...\"")]);
    let host = Host::start_other(pair, manifest.path());
    // It writes beside what it reads.
    let here = tempfile::tempdir().expect("a folder");
    let mut schemathesis = Command::new(folder.join(".venv/bin/schemathesis"));
    schemathesis
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &host.http().url("/jobs/openapi.json")])
        .current_dir(here.path());
    passes(&mut schemathesis);
}

#[track_caller]
fn passes(tool: &mut Command) {
    let output = tool.output().expect("the tool is started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
}
