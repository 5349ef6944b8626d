//! What npm builds and pip brings for end-to-end tests, or why they can't here.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::step;
use crate::summary::Summary;
use crate::workspace::Workspace;

/// Each part, or the reason for its absence.
pub(crate) struct Packages {
    /// Applications that are made with the components.
    examples: Result<(), String>,
    /// The client in TypeScript.
    client: Result<(), String>,
    /// A Python that has what the client in Python needs for event loops.
    python: Result<PathBuf, String>,
}

impl Packages {
    /// No package, for this reason.
    pub(crate) fn none(reason: &str) -> Self {
        Self {
            examples: Err(reason.to_owned()),
            client: Err(reason.to_owned()),
            python: Err(reason.to_owned()),
        }
    }

    /// Gets what can be had here, and has the rest noted.
    pub(crate) fn get(workspace: &Workspace, summary: &Summary) -> Result<Self> {
        let packages = Self {
            examples: build(workspace, summary, "examples", "examples/javascript")?,
            client: build(workspace, summary, "clients", "clients/typescript")?,
            python: python(workspace),
        };
        if let Err(reason) = &packages.examples {
            summary.skip("examples", reason);
        }
        if let Err(reason) = &packages.client {
            summary.skip("client in TypeScript", reason);
        }
        if let Err(reason) = &packages.python {
            summary.skip("client in Python for event loops", reason);
        }
        Ok(packages)
    }

    /// Tells end-to-end tests what there is.
    pub(crate) fn offer(&self, workspace: &Workspace, e2e: &mut Command) {
        match &self.examples {
            Ok(()) => e2e.env("HANDOFF_EXAMPLES", workspace.root.join("examples")),
            Err(reason) => e2e.env("HANDOFF_SKIP_EXAMPLES", reason),
        };
        if let Err(reason) = &self.client {
            e2e.env("HANDOFF_SKIP_CLIENT", reason);
        }
        if let Ok(python) = &self.python {
            e2e.env("HANDOFF_PYTHON", python);
        }
    }
}

/// Builds a package of npm, unless what builds it can't be had here.
fn build(
    workspace: &Workspace,
    summary: &Summary,
    name: &'static str,
    path: &str,
) -> Result<Result<(), String>> {
    let folder = workspace.root.join(path);
    let Ok(npm) = which::which("npm") else {
        return Ok(Err("npm is not on PATH (https://nodejs.org)".to_owned()));
    };
    let npm = |arguments: &[&str]| {
        let mut command = workspace.command(&npm);
        command.current_dir(&folder).args(arguments);
        command
    };
    let mut install = npm(&["run", "tools"]);
    if let Err(error) = step::run(&format!("getting what builds {path}"), &mut install) {
        return Ok(Err(format!("{error:#}")));
    }
    let mut build = npm(&["run", "build"]);
    summary.time(name, || step::run(&format!("building {path}"), &mut build))?;
    Ok(Ok(()))
}

/// Makes an environment of Python with what the tests of the client in Python need.
fn python(workspace: &Workspace) -> Result<PathBuf, String> {
    let folder = workspace.target.join("python");
    let python = folder.join("bin/python");
    let run = |what: &str, command: &mut Command| {
        step::run(what, command).map_err(|error| format!("{error:#}"))
    };
    if !python.exists() {
        let found = which::which("python3");
        let found = found.map_err(|_| "python3 is not on PATH (https://www.python.org)")?;
        let mut make = workspace.command(&found);
        make.args(["-m", "venv"]).arg(&folder);
        run("making an environment of Python", &mut make)?;
    }
    let mut install = workspace.command(&python);
    install
        .args(["-m", "pip", "install"])
        .args(["--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(workspace.root.join("clients/python/tests/requirements.txt"));
    run("getting httpx", &mut install)?;
    Ok(python)
}
