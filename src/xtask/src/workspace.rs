//! Where the workspace is, and how its cargo is called.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::step;

/// The workspace that this command was started in.
pub(crate) struct Workspace {
    /// The folder of the root Cargo.toml and spin.toml.
    pub root: PathBuf,
    /// Where cargo puts its output; not always below the root.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo, which knows every way to set these.
    pub(crate) fn find() -> Result<Self> {
        let output = Command::new(cargo_program())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo could not be started")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed: start `cargo xtask` in the workspace, and see that its Cargo.toml files are right"
        );
        let metadata: Value = serde_json::from_slice(&output.stdout)
            .context("`cargo metadata` did not print JSON")?;
        let folder = |field: &str| {
            let text = metadata[field].as_str();
            text.map(PathBuf::from)
                .with_context(|| format!("`cargo metadata` did not print {field}"))
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
        })
    }

    /// The cargo that started this program, in the root, with the given arguments.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(cargo_program());
        command.args(arguments);
        if env::var_os("CARGO_TARGET_DIR").is_some() {
            // Absolute: a relative one would be read against the root instead of the caller's folder.
            command.env("CARGO_TARGET_DIR", &self.target);
        }
        command
    }

    /// Builds tests, given the arguments of `cargo test`. Returns their programs.
    pub(crate) fn build_tests(&self, what: &str, arguments: &[&str]) -> Result<Vec<PathBuf>> {
        let mut cargo = self.cargo(&["test", "--no-run", "--quiet"]);
        cargo.args(["--message-format", "json-render-diagnostics"]);
        let messages = step::output(&format!("building {what}"), cargo.args(arguments))?;
        let messages = messages.lines().map(serde_json::from_str::<Value>);
        // Programs that tests start are built, too.
        let is_test = |message: &Value| message["profile"]["test"] == true;
        let program = |message: Value| Some(PathBuf::from(message["executable"].as_str()?));
        let programs: Vec<_> = messages
            .filter_map(Result::ok)
            .filter(is_test)
            .filter_map(program)
            .collect();
        ensure!(!programs.is_empty(), "building {what} gave no program");
        Ok(programs)
    }

    /// A command in the root, without what `cargo run` told this program about its own package: build scripts that
    /// look at such a variable would run again each time.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_about_own_package) {
                command.env_remove(name);
            }
        }
        command
    }

    /// The folder that spin.toml names as the components' source.
    pub(crate) fn components(&self) -> PathBuf {
        self.root.join("target/components")
    }

    /// What a running application keeps: stores and generated configuration.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join(".handoff")
    }
}

/// The cargo that started this program.
pub(crate) fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn is_about_own_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_")
        || variable.starts_with("CARGO_MANIFEST_")
        || matches!(
            variable,
            "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_user_are_kept() {
        for (variable, removed) in [
            ("CARGO_PKG_NAME", true),
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_MANIFEST_PATH", true),
            ("CARGO_HOME", false),
            ("CARGO_TARGET_DIR", false),
            ("RUSTUP_TOOLCHAIN", false),
        ] {
            assert_eq!(is_about_own_package(variable), removed, "{variable}");
        }
    }
}
