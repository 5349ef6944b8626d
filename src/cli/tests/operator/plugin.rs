//! The plugin of Spin that `cargo xtask dist` makes.

use std::process::Command;

use handoff_e2e::{Host, Pair, on, spin, workspace};

on!(Some: spin_runs_it_as_a_plugin: spin_sqlite SPIN_SQLITE);

fn spin_runs_it_as_a_plugin(pair: Pair) {
    let host = Host::start(pair, &[]);
    let state = tempfile::tempdir().expect("a folder for Spin's plugins");
    let spin = |arguments: &[&str]| {
        let mut spin = Command::new(spin().expect("it runs on Spin"));
        let spin = spin
            .args(arguments)
            .env("SPIN_DATA_DIR", state.path())
            .env("HANDOFF_URL", host.http().url(""));
        let output = spin.output().expect("spin is started");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let manifest = workspace("target/dist/handoff.json");
    let manifest = manifest.display().to_string();
    spin(&["plugins", "install", "--file", &manifest, "--yes"]);
    let echoed = spin(&["handoff", "enqueue", "echo", "[1]", "--wait=30s"]);
    assert_eq!(echoed, "[1]\n");
}
