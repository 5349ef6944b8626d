//! Running the application on a real host with a real store, for end-to-end tests.
//!
//! A test is a function of a [`Pair`], a host and a store; [`on_every_pair!`] makes a `#[test]` of it for each. It
//! starts a [`Host`], talks to it through a [`Client`], and leaves nothing behind.

mod client;
mod database;
mod environment;
mod events;
mod host;
mod limit;
mod manifest;
mod openapi;
mod pair;
mod pgbouncer;
mod poll;
mod postgres;
mod process;
mod raw;
mod redis;
mod server;
mod task;
#[path = "../../../src/xtask/src/wal.rs"]
mod wal;
mod wash;

pub use client::{Client, Reply};
pub use database::Database;
pub use environment::{built, spin};
pub use events::{Event, Events};
pub use host::{Host, workspace};
pub use manifest::Manifest;
pub use pair::{Pair, Share, run};
pub use poll::until;
pub use postgres::Postgres;
pub use process::{Listener, Process, group_lives};
pub use raw::{Connection, exchange};
pub use redis::{Redis, free_port};
pub use server::{Answer, Gate, Received, TestServer};
pub use task::{slot, time_ms};

use std::io::Write;
use tempfile::TempDir;

/// A folder for files of a test, deleted when it is dropped.
///
/// # Panics
/// If it can't be made.
#[track_caller]
pub fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("handoff-e2e-").tempdir();
    folder.expect("a folder for the test")
}

/// Prints a line that the test harness does not swallow when the test passes.
pub fn say(line: &str) {
    // Nobody reads it any more: no reason to fail.
    _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a measured value.
pub fn measured(pair: Pair, what: &str) {
    say(&format!("MEASURED on {pair}: {what}"));
}
