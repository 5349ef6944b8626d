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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn no_example_is_forgotten() -> Result<()> {
        let folders = fs::read_dir(Workspace::find()?.root.join("examples"))?;
        let folders = folders.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let built = EXAMPLES.iter().map(|example| example.name.to_owned());
        assert_eq!(
            built.collect::<BTreeSet<_>>(),
            folders.collect::<Result<_>>()?
        );
        Ok(())
    }

    #[test]
    fn a_tool_that_is_missing_is_a_reason_to_skip() -> Result<()> {
        let mut example = Example {
            name: "python",
            needs: ("no-such-program", "https://example.org"),
            tools: "exit 3",
            build: None,
        };
        let missing = example.get_tools(&Workspace::find()?);
        let reason = "no-such-program is not on PATH (https://example.org)";
        assert_eq!(missing, Err(reason.to_owned()));
        example.needs.0 = "sh";
        let failed = example
            .get_tools(&Workspace::find()?)
            .expect_err("it fails");
        assert!(failed.contains("exit status: 3"), "{failed}");
        Ok(())
    }
}
