//! The tests of the client libraries in `clients`, with a real deployment.

use handoff_e2e::{Host, Pair, built, on, say};
use std::process::Command;

on!(Some: the_client_in_typescript: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: the_client_in_python: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

fn the_client_in_typescript(pair: Pair) {
    let Some(folder) = built("clients/typescript") else {
        return;
    };
    let mut tests = Command::new("node");
    tests.arg("--test").current_dir(folder.join("build"));
    pass(pair, tests);
}

fn the_client_in_python(pair: Pair) {
    let Some(folder) = built("clients/python") else {
        return;
    };
    let mut tests = Command::new(folder.join(".venv/bin/python"));
    // Without files beside the sources.
    tests.args(["-B", "-m", "unittest"]).current_dir(folder);
    pass(pair, tests);
}

#[test]
fn the_client_in_python_has_sound_types_and_form() {
    let Some(folder) = built("clients/python") else {
        return;
    };
    // Without files beside the sources.
    let cache = tempfile::tempdir().expect("a folder for mypy");
    let cache = format!("--cache-dir={}", cache.path().display());
    for arguments in [
        &["mypy", &cache, "."][..],
        &["ruff", "format", "--no-cache", "--check", "."],
    ] {
        let mut tool = Command::new(folder.join(".venv/bin/python"));
        tool.arg("-m").args(arguments).current_dir(&folder);
        let output = tool.output().expect("the tool is started");
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {printed}\n{errors}"
        );
    }
}

/// Runs a client's tests, and says what they skip.
fn pass(pair: Pair, mut tests: Command) {
    // So that following a task takes several connections.
    let host = Host::start(pair, &[("queues", "emails"), ("events_max", "1s")]);
    tests
        .env("HANDOFF_URL", host.http().url(""))
        .env("HANDOFF_QUEUE", "emails");
    let output = tests.output().expect("the tests are started");
    let printed = String::from_utf8_lossy(&output.stdout);
    for line in printed.lines().filter(|line| line.contains("SKIPPED")) {
        say(line);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
}
