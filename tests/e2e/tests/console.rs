//! The console in a real browser: the tests in `console`, with two deployments.

use handoff_e2e::{Host, Pair, built, on, say};
use std::env::var_os;
use std::path::PathBuf;
use std::process::Command;

on!(Some: the_console_in_a_browser: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

/// The names of Chromium, and of what is made from it.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// A browser that hangs fails the tests after so many milliseconds.
const TIMEOUT: &str = "--test-timeout=1200000";

/// The first of the browsers that is on PATH.
fn browser() -> Option<PathBuf> {
    let path = var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| {
        let mut files = BROWSERS.iter().map(|name| folder.join(name));
        files.find(|file| file.is_file())
    })
}

fn the_console_in_a_browser(pair: Pair) {
    let Some(folder) = built("tests/e2e/console") else {
        return;
    };
    let Some(browser) = browser() else {
        return say(&format!(
            "SKIPPED: the console in a browser because none of {BROWSERS:?} is on PATH (Debian: apt-get install chromium)"
        ));
    };
    let open = Host::start(pair, &[("queues", "many")]);
    let guarded = Host::start(pair, &[("api_tokens", "t0ken, ana:read:r34der")]);
    let mut tests = Command::new("node");
    tests
        .args(["--test", "--test-concurrency=1", TIMEOUT])
        .current_dir(folder)
        .env("HANDOFF_CHROMIUM", browser)
        .env("HANDOFF_URL", open.http().url(""))
        .env("HANDOFF_GUARDED_URL", guarded.http().url(""));
    let output = tests.output().expect("the tests are started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
}
