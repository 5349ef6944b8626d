//! Everything that reads bytes from outside takes any bytes: it accepts them or says what is wrong, and never panics.
//!
//! A target is a function that takes bytes, gives them to one reader, and asserts what must hold of the answer.
//! `cargo xtask fuzz` runs libFuzzer on each of them; it keeps the inputs that reach new code and goes on from there.
//!
//! ```sh
//! cargo xtask fuzz                          # all targets, a bounded number of runs each, as in CI
//! cargo xtask fuzz task --runs 5000000
//! cargo xtask fuzz records --seconds 3600
//! cargo xtask fuzz task target/fuzz/crashes/task/crash-…      # one input again
//! ```
//!
//! New inputs go to `target/fuzz/found/TARGET`, and later runs start from them, too. The corpus in `corpus/TARGET` is
//! kept: it holds valid examples of everything, and what once broke. To keep an input, copy it there under a name that
//! says what it is. `cargo test` replays the kept corpus without libFuzzer.
//!
//! A new target is a file in `targets/`, a line in [`TARGETS`], a folder of seeds, and a line in `src/xtask/src/fuzz.rs`.

mod records;
mod targets;

use targets::{batch, duration, gather, id, request, run, schedule, task, time, workflow};

/// Something that takes bytes from outside.
pub struct Target {
    /// What it is called on the command line and in `corpus/`.
    pub name: &'static str,
    /// Reads the bytes, and panics if what must hold does not.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 11] = [
    target("batch", batch::run),
    target("duration", duration::run),
    target("gather", gather::run),
    target("id", id::run),
    target("records", records::run),
    target("request", request::run),
    target("run", run::run),
    target("schedule", schedule::run),
    target("task", task::run),
    target("time", time::run),
    target("workflow", workflow::run),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
