//! The tests of the client libraries in `clients`, with a real deployment.

use handoff_e2e::{Host, Pair, client_in_typescript, on, python, say, workspace};
use std::ffi::OsStr;
use std::process::Command;

on!(Some: the_client_in_typescript: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: the_client_in_python: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

/// The program, if it is there.
fn program(name: impl AsRef<OsStr>) -> Result<Command, String> {
    let name = name.as_ref();
    let found = Command::new(name).arg("--version").output();
    found
        .map(|_| Command::new(name))
        .map_err(|e| format!("{} can't be started: {e}", name.display()))
}

fn the_client_in_typescript(pair: Pair) {
    let tests = client_in_typescript().and_then(|folder| {
        let built = folder.join("build");
        if !built.exists() {
            return Err("it is not built: npm run tools && npm run build".to_owned());
        }
        let mut tests = program("node")?;
        tests.arg("--test").current_dir(built);
        Ok(tests)
    });
    pass(pair, "clients/typescript", tests);
}

fn the_client_in_python(pair: Pair) {
    let tests = program(python()).map(|mut tests| {
        // Without files beside the sources.
        tests
            .args(["-B", "-m", "unittest"])
            .current_dir(workspace("clients/python"));
        tests
    });
    pass(pair, "clients/python", tests);
}

/// Runs a client's tests, and says what they skip. Where they can't be run, that is said.
fn pass(pair: Pair, client: &str, tests: Result<Command, String>) {
    let mut tests = match tests {
        Ok(tests) => tests,
        Err(reason) => return say(&format!("SKIPPED: {client} because {reason}")),
    };
    // So that following a task takes several connections.
    let host = Host::start(pair, &[("queues", "emails"), ("events_max", "1s")]);
    tests
        .env("HANDOFF_URL", host.http().url(""))
        .env("HANDOFF_QUEUE", "emails");
    let output = tests.output().expect("the tests are started");
    let printed = String::from_utf8_lossy(&output.stdout);
    for line in printed.lines().filter(|line| line.contains("SKIPPED")) {
        say(&format!("{client}: {line}"));
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{client}: {printed}\n{errors}");
}
