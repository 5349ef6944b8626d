//! The local host: a small program on wasmtime that serves the same spin.toml.

use std::path::PathBuf;

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// What it is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Serving: optimized.
    Serve,
    /// Tests: built in half the time, and answers at a quarter of the rate.
    Test,
}

/// Where the built host is.
pub(crate) fn binary(workspace: &Workspace, of: Use) -> PathBuf {
    let profile = match of {
        Use::Serve => "release",
        Use::Test => "debug",
    };
    workspace.target.join(profile).join("handoff-host")
}

/// Builds it and says how long that takes when it is not there yet.
pub(crate) fn build(workspace: &Workspace, of: Use) -> Result<PathBuf> {
    let binary = binary(workspace, of);
    if !binary.exists() {
        let minutes = match of {
            Use::Serve => "5 to 8",
            Use::Test => "3 to 5",
        };
        eprintln!("    the local host contains wasmtime: about {minutes} minutes the first time");
    }
    let mut cargo = workspace.cargo(&["build", "--package", "handoff-host"]);
    if of == Use::Serve {
        cargo.arg("--release");
    }
    step::run("building the local host", &mut cargo)?;
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::collections::BTreeSet;

    /// What wasmtime is made of, with the features of each, when these dependencies of the local host are built.
    fn wasmtime(edges: &str) -> Result<BTreeSet<String>> {
        let workspace = Workspace::find()?;
        let mut tree = workspace.cargo(&["tree", "--package", "handoff-host", "--edges", edges]);
        tree.args(["--prefix", "depth", "--no-dedupe", "--format", " {p} {f}"]);
        let tree = step::quiet_output(&mut tree).context("`cargo tree` failed")?;
        let lines = tree.lines().filter_map(|line| line.split_once(' '));
        let mut lines = lines.skip_while(|(_, package)| !package.starts_with("wasmtime v"));
        let depth = |of: &str| of.parse::<usize>().unwrap_or_default();
        let (root, package) = lines.next().context("it has no wasmtime")?;
        let below = lines.take_while(|(of, _)| depth(of) > depth(root));
        let below = below.map(|(_, package)| package.to_owned());
        Ok(below.chain([package.to_owned()]).collect())
    }

    /// One feature more of one crate, and wasmtime is compiled a second time, which takes minutes.
    #[test]
    fn its_tests_use_the_wasmtime_that_it_is_built_with() -> Result<()> {
        let built = wasmtime("normal,build")?;
        assert!(built.len() > 50, "{built:?}");
        assert_eq!(wasmtime("normal,build,dev")?, built);
        Ok(())
    }
}
