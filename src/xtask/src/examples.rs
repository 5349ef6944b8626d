//! Builds the applications in `examples`, with what their languages build with.

use std::process::Command;

use anyhow::Result;

use crate::step;
use crate::summary::Summary;
use crate::workspace::Workspace;

/// An application, and what is run in its folder by `sh`.
struct Example {
    name: &'static str,
    /// A program that must be there, and where it is to be had.
    needs: (&'static str, &'static str),
    /// Gets what builds or runs it, from its language's registry.
    tools: &'static str,
    build: Option<&'static str>,
}

const NPM: (&str, &str) = ("npm", "https://nodejs.org");
const PYTHON: (&str, &str) = ("python3", "https://python.org");
const VENV: &str =
    "python3 -m venv .venv && .venv/bin/pip install --quiet --requirement requirements.txt";

const EXAMPLES: [Example; 3] = [
    Example {
        name: "javascript",
        needs: NPM,
        tools: "npm run tools",
        build: Some("npm run build"),
    },
    Example {
        name: "python",
        needs: PYTHON,
        tools: VENV,
        build: Some("sh build.sh"),
    },
    Example {
        name: "fastapi",
        needs: PYTHON,
        tools: VENV,
        build: None,
    },
];

/// Examples that are not there to be tested: their names and the reasons.
pub(crate) type Missing = Vec<(&'static str, String)>;

/// All of them, for one reason.
pub(crate) fn none(reason: &str) -> Missing {
    let missing = EXAMPLES
        .iter()
        .map(|example| (example.name, reason.to_owned()));
    missing.collect()
}

/// Builds them, except for those whose tools can't be had here. Those are noted, and returned.
pub(crate) fn build(workspace: &Workspace, summary: &Summary) -> Result<Missing> {
    let mut missing = Missing::new();
    for example in &EXAMPLES {
        if let Err(reason) = example.get_tools(workspace) {
            summary.skip(&format!("examples/{}", example.name), &reason);
            missing.push((example.name, reason));
        } else if let Some(build) = example.build {
            let what = format!("building examples/{}", example.name);
            let mut build = example.sh(workspace, build);
            summary.time("examples", || step::run(&what, &mut build))?;
        }
    }
    Ok(missing)
}

impl Example {
    fn get_tools(&self, workspace: &Workspace) -> Result<(), String> {
        let (program, from) = self.needs;
        if which::which(program).is_err() {
            return Err(format!("{program} is not on PATH ({from})"));
        }
        let what = format!("getting what examples/{} needs", self.name);
        let got = step::run(&what, &mut self.sh(workspace, self.tools));
        got.map_err(|error| format!("{error:#}"))
    }

    fn sh(&self, workspace: &Workspace, commands: &str) -> Command {
        let mut sh = workspace.command("sh");
        sh.args(["-c", commands]);
        sh.current_dir(workspace.root.join("examples").join(self.name));
        sh
    }
}
