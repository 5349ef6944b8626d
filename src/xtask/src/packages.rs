//! Builds what stands in the repository with a language's or an SDK's own tools: the applications in
//! `examples`, the clients, a component for tests, and tools that tests run.

use std::process::Command;

use anyhow::Result;

use crate::step;
use crate::summary::Summary;
use crate::workspace::Workspace;

/// A folder, and what is run in it by `sh`.
struct Package {
    folder: &'static str,
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
const CARGO: (&str, &str) = ("cargo", "https://rustup.rs");
/// These are built as their users would, so another compiler for the target is not looked for.
const TARGET: &str = "test -d \"$(rustc --print sysroot)/lib/rustlib/wasm32-wasip2/lib\"";
const COMPONENT: &str = "cargo build --quiet --locked --target wasm32-wasip2 --release";

/// Its package brings a service, so it is only unpacked.
const PROMETHEUS: &str = "test -x .tools/usr/bin/prometheus || { mkdir -p .tools && cd .tools && \
    apt-get --quiet download prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb; }";

const PACKAGES: [Package; 10] = [
    Package {
        folder: "tests/prometheus",
        needs: ("apt-get", "https://prometheus.io/download"),
        tools: PROMETHEUS,
        build: None,
    },
    Package {
        folder: "examples/javascript",
        needs: NPM,
        tools: "npm run tools",
        build: Some("npm run build"),
    },
    Package {
        folder: "examples/python",
        needs: PYTHON,
        tools: VENV,
        build: Some("sh build.sh"),
    },
    Package {
        folder: "examples/fastapi",
        needs: PYTHON,
        tools: VENV,
        build: None,
    },
    Package {
        folder: "examples/rust",
        needs: CARGO,
        tools: TARGET,
        build: Some(COMPONENT),
    },
    Package {
        folder: "clients/typescript",
        needs: NPM,
        tools: "npm run tools",
        build: Some("npm run build"),
    },
    Package {
        folder: "clients/python",
        needs: PYTHON,
        tools: "python3 -m venv .venv && .venv/bin/pip install --quiet --requirement tests/requirements.txt",
        build: None,
    },
    Package {
        folder: "tests/openapi",
        needs: PYTHON,
        tools: VENV,
        build: None,
    },
    Package {
        folder: "tests/e2e/console",
        needs: NPM,
        tools: "npm run tools",
        build: None,
    },
    Package {
        folder: "tests/service",
        needs: CARGO,
        tools: TARGET,
        build: Some(COMPONENT),
    },
];

/// Packages that are not there to be tested: their folders and the reasons.
pub(crate) type Missing = Vec<(&'static str, String)>;

/// All of them, for one reason.
pub(crate) fn none(reason: &str) -> Missing {
    let missing = PACKAGES.iter();
    missing
        .map(|package| (package.folder, reason.to_owned()))
        .collect()
}

/// Builds them, except for those whose tools can't be had here. Those are noted, and returned.
pub(crate) fn build(workspace: &Workspace, summary: &Summary) -> Result<Missing> {
    let mut missing = Missing::new();
    for package in &PACKAGES {
        if let Err(reason) = package.get_tools(workspace) {
            summary.skip(package.folder, &reason);
            missing.push((package.folder, reason));
        } else if let Some(build) = package.build {
            let what = format!("building {}", package.folder);
            let mut build = package.sh(workspace, build);
            summary.time("examples and clients", || step::run(&what, &mut build))?;
        }
    }
    Ok(missing)
}

/// Tells end-to-end tests what there is.
pub(crate) fn offer(missing: &Missing, e2e: &mut Command) {
    for (folder, reason) in missing {
        let name = folder.replace('/', "_");
        e2e.env(format!("HANDOFF_SKIP_{name}"), reason);
    }
}

impl Package {
    fn get_tools(&self, workspace: &Workspace) -> Result<(), String> {
        let (program, from) = self.needs;
        if which::which(program).is_err() {
            return Err(format!("{program} is not on PATH ({from})"));
        }
        let what = format!("getting what {} needs", self.folder);
        let got = step::run(&what, &mut self.sh(workspace, self.tools));
        got.map_err(|error| format!("{error:#}"))
    }

    fn sh(&self, workspace: &Workspace, commands: &str) -> Command {
        let mut sh = workspace.command("sh");
        sh.args(["-c", commands]);
        sh.current_dir(workspace.root.join(self.folder));
        sh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn no_example_and_no_client_is_forgotten() -> Result<()> {
        let root = Workspace::find()?.root;
        let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
        for parent in ["examples", "clients"] {
            for entry in fs::read_dir(root.join(parent))? {
                let entry = entry?;
                let folder = format!("{parent}/{}", entry.file_name().display());
                let built = PACKAGES.iter().any(|package| package.folder == folder);
                let built = built || workspace.contains(&format!("\"{folder}\""));
                assert!(built || !entry.path().is_dir(), "{folder} is never built");
            }
        }
        Ok(())
    }

    #[test]
    fn a_tool_that_is_missing_is_a_reason_to_skip() -> Result<()> {
        let mut package = Package {
            folder: "examples/python",
            needs: ("no-such-program", "https://example.org"),
            tools: "exit 3",
            build: None,
        };
        let missing = package.get_tools(&Workspace::find()?);
        let reason = "no-such-program is not on PATH (https://example.org)";
        assert_eq!(missing, Err(reason.to_owned()));
        package.needs.0 = "sh";
        let failed = package
            .get_tools(&Workspace::find()?)
            .expect_err("it fails");
        assert!(failed.contains("exit status: 3"), "{failed}");
        Ok(())
    }
}
