//! The plugin of Spin that `cargo xtask dist` makes.

use std::process::Command;

use handoff_e2e::{Host, Pair, on, say, spin, workspace};

on!(Some: spin_runs_it_as_a_plugin: spin_sqlite SPIN_SQLITE);
#[cfg(target_os = "linux")]
on!(Some: it_needs_no_library: local_memory LOCAL_MEMORY);

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

/// The program of the release runs where there is no C library, or another one.
#[cfg(target_os = "linux")]
fn it_needs_no_library(pair: Pair) {
    let folder = tempfile::tempdir().expect("a folder for the program");
    let Ok(dist) = std::fs::read_dir(workspace("target/dist")) else {
        return say(
            "SKIPPED: it_needs_no_library because there is no release; run `cargo xtask dist`",
        );
    };
    let mut files = dist.map(|file| file.expect("a file").path());
    let archive = files.find(|file| file.extension().is_some_and(|e| e == "gz"));
    let mut tar = Command::new("tar");
    let tar = tar.arg("--extract").arg("--directory").arg(folder.path());
    let extracted = tar.arg("--file").arg(archive.expect("an archive")).status();
    assert!(extracted.expect("tar runs").success());
    let program = folder.path().join("handoff");
    let ldd = Command::new("ldd")
        .arg(&program)
        .output()
        .expect("ldd runs");
    let said = [ldd.stdout, ldd.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let is_static = ["statically linked", "not a dynamic executable"];
    assert!(is_static.iter().any(|text| said.contains(text)), "{said}");

    let host = Host::start(pair, &[]);
    let mut handoff = Command::new(&program);
    let url = host.http().url("").replace("127.0.0.1", "localhost");
    let queues = handoff.arg("queues").env("HANDOFF_URL", url).output();
    let queues = queues.expect("it runs");
    let said = String::from_utf8_lossy(&queues.stdout);
    assert!(
        queues.status.success() && said.contains("default"),
        "{queues:?}"
    );
}
