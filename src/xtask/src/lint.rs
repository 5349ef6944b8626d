//! Formatting, clippy, the documentation, and what Handoff is built from.

use std::process::Command;

use anyhow::Result;

use crate::step::{self, Lane};
use crate::summary::Summary;
use crate::tool::DENY;
use crate::workspace::Workspace;

/// What is compiled only with a feature: what the simulation needs, and what Spin loads.
const ALL_FEATURES: &str =
    "handoff-queue/sabotage,handoff-gather/component,handoff-console/component";

/// The crates of an application in Rust, the client and the command line.
const PUBLISHED: [&str; 12] = [
    "handoff-client",
    "handoff-cli",
    "handoff-console",
    "handoff-gather",
    "handoff-queue",
    "handoff-wire",
    "handoff-probe",
    "handoff-platform",
    "handoff-kinds",
    "handoff-api",
    "handoff-worker",
    "handoff-sdk",
];

/// What takes no compiler.
pub(crate) fn text(workspace: &Workspace, summary: &Summary) -> Result<()> {
    let mut fmt = workspace.cargo(&["fmt", "--all", "--check"]);
    summary.time("formatting", || {
        step::run("checking the formatting", &mut fmt)
    })?;
    match DENY.get(workspace) {
        Ok(deny) => dependencies(workspace, deny, summary),
        Err(error) => {
            summary.skip(
                "licences and sources of dependencies",
                &format!("{error:#}"),
            );
            Ok(())
        }
    }
}

fn dependencies(
    workspace: &Workspace,
    deny: impl AsRef<std::ffi::OsStr>,
    summary: &Summary,
) -> Result<()> {
    let deny = |arguments: &[&str]| {
        let mut command = workspace.command(&deny);
        command.args(["--log-level", "error"]).args(arguments);
        command
    };
    let mut check = deny(&["check", "bans", "licenses", "sources"]);
    summary.time("dependencies", || {
        step::run("checking licences and sources of dependencies", &mut check)
    })?;
    // It is a repository of its own, which not every machine can reach.
    if step::quiet_output(&mut deny(&["fetch", "db"])).is_none() {
        summary.skip("advisories", "the advisory database could not be fetched");
        return Ok(());
    }
    let mut check = deny(&["check", "--disable-fetch", "advisories"]);
    summary.time("advisories", || {
        step::run("checking dependencies for advisories", &mut check)
    })
}

/// Clippy on everything but the local host, for which wasmtime is read: a third of the time.
pub(crate) fn code(workspace: &Workspace, summary: &Summary, lane: &Lane) -> Result<()> {
    let mut all = clippy(
        workspace,
        &[
            "--workspace",
            "--exclude",
            "handoff-host",
            "--all-targets",
            "--features",
            ALL_FEATURES,
        ],
    );
    summary.time("clippy", || lane.run("running clippy", &mut all))
}

/// Clippy on the local host and on the other builds, and the documentation.
pub(crate) fn variants(workspace: &Workspace, summary: &Summary, lane: &Lane) -> Result<()> {
    let mut doc = workspace.cargo(&["doc", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    summary.time("documentation", || {
        lane.run("building the documentation", &mut doc)
    })?;
    // The publisher compiles them.
    let mut publish = workspace.cargo(&["publish", "--dry-run", "--no-verify", "--allow-dirty"]);
    publish.args(PUBLISHED.iter().flat_map(|name| ["--package", name]));
    summary.time("packages", || {
        lane.run("trying to publish the packages", &mut publish)
    })?;
    let mut host = clippy(workspace, &["--package", "handoff-host", "--all-targets"]);
    summary.time("clippy for the local host", || {
        lane.run("running clippy on the local host", &mut host)
    })?;
    let without = ["--package", "handoff-platform", "--no-default-features"];
    let mut without = clippy(workspace, &without);
    summary.time("clippy without key-value", || {
        lane.run(
            "running clippy on what is for hosts without key-value",
            &mut without,
        )
    })?;
    let plain = ["--package", "handoff-client", "--no-default-features"];
    let mut plain = clippy(workspace, &plain);
    summary.time("clippy without https", || {
        lane.run("running clippy on the client without https", &mut plain)
    })?;
    let wasmcloud = ["--package", "handoff-tasks", "--features"];
    let wasmcloud = [&wasmcloud[..], &["handoff/wasmcloud"]].concat();
    let mut wasmcloud = clippy(workspace, &wasmcloud);
    summary.time("clippy for wasmCloud", || {
        lane.run("running clippy on what is for wasmCloud", &mut wasmcloud)
    })
}

/// In the profile of the tests: where these were built, macros and build scripts are compiled.
fn clippy(workspace: &Workspace, what: &[&str]) -> Command {
    let mut command = workspace.cargo(&["clippy"]);
    command.args(what).args(["--", "-D", "warnings"]);
    command
}
