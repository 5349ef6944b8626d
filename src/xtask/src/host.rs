//! The local host: a small program on wasmtime that serves the same spin.toml.

use std::path::PathBuf;

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// Where the built host is.
pub fn binary(workspace: &Workspace) -> PathBuf {
    workspace.target.join("release/handoff-host")
}

/// Builds it and says how long that takes when it is not there yet.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    let binary = binary(workspace);
    if !binary.exists() {
        eprintln!("    the local host contains wasmtime: about 5 to 8 minutes the first time");
    }
    let mut cargo = workspace.cargo(&["build", "--release", "--package", "handoff-host"]);
    step::run("building the local host (wasmtime)", &mut cargo)?;
    Ok(binary)
}
