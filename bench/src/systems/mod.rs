//! The systems that are measured, a file each for the peers.

mod apalis;
mod bullmq;
mod fastapi;
mod handoff;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Error, Result};
use handoff_e2e::{Process, Redis, until};

use crate::system::System;

/// In the order of the table. The first is what the others are compared with.
pub(crate) fn all() -> Vec<System> {
    let mut systems = vec![fastapi::system(), bullmq::system(), apalis::system()];
    systems.extend(handoff::systems());
    systems
}

/// Says why if the peers' store can't be had here.
fn needs_redis() -> Result<()> {
    Redis::available().map_err(Error::msg)
}

const START_TIME: Duration = Duration::from_secs(30);

/// Starts a program with environment variables, its output in a file of its own.
fn start(
    name: &str,
    folder: &Path,
    logs: &Path,
    environment: &[(&str, &str)],
    program: &Path,
    arguments: &[&str],
) -> Process {
    let mut words: Vec<OsString> = Vec::new();
    for (name, value) in environment {
        words.push(format!("{name}={value}").into());
    }
    words.push(program.into());
    words.extend(arguments.iter().map(OsString::from));
    let log = logs.join(format!("{name}.log"));
    Process::start(Path::new("env"), &words, folder, &log)
}

/// Waits until a server says where it listens, after this text.
#[track_caller]
fn address(server: &mut Process, before: &str) -> SocketAddr {
    until("the server listens", START_TIME, || {
        let output = server.output();
        assert!(!server.has_ended(), "the server ended by itself: {output}");
        let (_, rest) = output.split_once(before)?;
        let (address, _) = rest.split_once(|c: char| c.is_whitespace())?;
        address.parse().ok()
    })
}

/// Waits until a worker has printed this text.
#[track_caller]
fn ready(worker: &mut Process, text: &str) {
    until("the worker is ready", START_TIME, || {
        let output = worker.output();
        assert!(!worker.has_ended(), "the worker ended by itself: {output}");
        output.contains(text).then_some(())
    });
}
