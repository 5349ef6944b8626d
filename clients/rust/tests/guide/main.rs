//! The example of docs/guide/clients.md, with a real Handoff.

use std::fs;
use std::path::Path;
use std::process::Command;

use handoff_e2e::{Host, Pair, on};

include!("example.rs");

on!(Some: the_example_runs: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

fn the_example_runs(pair: Pair) {
    let host = Host::start(pair, &[]);
    // A process of its own, for a variable of its own.
    let this = std::env::current_exe().expect("this program");
    let mut run = Command::new(this);
    run.args([
        "--exact",
        "the_example_runs_where_a_variable_says",
        "--nocapture",
    ]);
    let run = run.env("HANDOFF_URL", host.http().url("")).output();
    let run = run.expect("the example is started");
    let printed = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(printed.contains("{\"results\":[1,2]}"), "{printed}");
    assert!(printed.contains("tasks[1].task"), "{printed}");
}

#[test]
fn the_example_runs_where_a_variable_says() -> Result<(), HandoffError> {
    match std::env::var_os("HANDOFF_URL") {
        Some(_) => main(),
        None => Ok(()),
    }
}

#[test]
fn the_page_shows_the_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(folder.join(path)).expect("a file");
    let (page, example) = (
        read("../../docs/guide/clients.md"),
        read("tests/guide/example.rs"),
    );
    assert!(
        page.contains(&format!("```rust\n{example}```")),
        "tests/guide/example.rs is another"
    );
}
