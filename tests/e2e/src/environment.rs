//! What `cargo xtask test` says about this machine.

use crate::say;
use std::env::{var, var_os};
use std::path::PathBuf;
use std::process::Command;

const HINT: &str = "run `cargo xtask test --only e2e`, which builds what these tests start";

/// The workspace root, whose spin.toml and built components are run.
pub(crate) fn root() -> Result<PathBuf, String> {
    path("HANDOFF_ROOT")
}

/// The local host's program.
pub(crate) fn local_host() -> Result<PathBuf, String> {
    path("HANDOFF_HOST_BIN")
}

/// Spin's program.
///
/// # Errors
/// Why there is none.
pub fn spin() -> Result<PathBuf, String> {
    skipped("HANDOFF_SKIP_SPIN")?;
    path("HANDOFF_SPIN_BIN")
}

/// wasmCloud's program.
pub(crate) fn wash() -> Result<PathBuf, String> {
    skipped("HANDOFF_SKIP_WASH")?;
    path("HANDOFF_WASH_BIN")
}

/// Whether redis-server can be started.
pub(crate) fn redis() -> Result<(), String> {
    skipped("HANDOFF_SKIP_REDIS")?;
    starts("redis-server")
}

/// The folder with the programs of a Postgres server.
///
/// # Errors
/// Why there is none.
pub(crate) fn postgres() -> Result<PathBuf, String> {
    skipped("HANDOFF_SKIP_POSTGRES")?;
    let path = var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    // Debian keeps each version in a folder of its own.
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut debian: Vec<_> = versions.flatten().map(|v| v.path().join("bin")).collect();
    debian.sort();
    let mut found = debian.into_iter().rev().chain(folders);
    let found =
        found.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    found.ok_or_else(|| "no Postgres server is installed".to_owned())
}

/// Whether PgBouncer can be started.
pub(crate) fn pgbouncer() -> Result<(), String> {
    skipped("HANDOFF_SKIP_PGBOUNCER")?;
    starts("pgbouncer")
}

/// A folder of the repository that is built by tools of its own, or `None` where it could not be, which is said.
pub fn built(folder: &str) -> Option<PathBuf> {
    let skipped = skipped(&format!("HANDOFF_SKIP_{}", folder.replace('/', "_")));
    let there = skipped.and_then(|()| Ok(root()?.join(folder)));
    if let Err(reason) = &there {
        say(&format!("SKIPPED: {folder} because {reason}"));
    }
    there.ok()
}

/// Whether a program on PATH can be started.
fn starts(program: &str) -> Result<(), String> {
    let found = Command::new(program).arg("--version").output();
    found
        .map(drop)
        .map_err(|e| format!("{program} can't be started: {e}"))
}

fn path(variable: &str) -> Result<PathBuf, String> {
    match var_os(variable) {
        Some(value) if !value.is_empty() => Ok(value.into()),
        _ => Err(format!("{variable} is not set; {HINT}")),
    }
}

fn skipped(variable: &str) -> Result<(), String> {
    match var(variable) {
        Ok(reason) => Err(reason),
        Err(_) => Ok(()),
    }
}
