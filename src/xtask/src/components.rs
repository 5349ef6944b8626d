//! Builds the components and puts them where spin.toml looks for them.

use std::fs;
use std::path::Path;
use std::process;

use anyhow::{Context, Result};

use crate::step;
use crate::toolchain::{self, Source};
use crate::workspace::Workspace;

/// The packages for Spin and the local host; a file has the same name with `_` for `-`.
pub const PACKAGES: [&str; 3] = [
    "handoff-spin-api",
    "handoff-spin-gather",
    "handoff-spin-worker",
];

/// The package for wasmCloud. It is built by itself: what is built together has the same features.
pub const WASMCLOUD_PACKAGES: [&str; 1] = ["handoff-wasmcloud"];

/// What only the end-to-end tests run.
pub const TEST_PACKAGES: [&str; 1] = ["handoff-conformance-component"];

/// And on wasmCloud.
pub const WASMCLOUD_TEST_PACKAGES: [&str; 2] =
    ["handoff-wasmcloud", "handoff-conformance-wasmcloud"];

/// The file that a component's package is built to.
pub fn file_name(package: &str) -> String {
    format!("{}.wasm", package.replace('-', "_"))
}

/// What the components may import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imports {
    /// All that they can use.
    All,
    /// Not the host's key-value store.
    NoKeyValue,
}

/// Builds what has changed of these packages.
pub fn build(
    workspace: &Workspace,
    wanted: Option<Source>,
    packages: &[&str],
    imports: Imports,
) -> Result<()> {
    let toolchain = toolchain::get(workspace, wanted)?;
    let (mut cargo, target) = toolchain.cargo_build(workspace);
    cargo.args(["--profile", "component"]);
    if imports == Imports::NoKeyValue {
        // All other features that they have by default.
        cargo.args(["--no-default-features", "--features", "component"]);
    }
    for package in packages {
        cargo.args(["--package", package]);
    }
    step::run("building the components", &mut cargo)?;

    let from = target.join(toolchain::TARGET).join("component");
    let to = workspace.components();
    let mut sizes = Vec::new();
    for package in packages {
        let name = file_name(package);
        let bytes = copy_if_changed(&from.join(&name), &to.join(&name))?;
        sizes.push(format!("{name} {} KB", bytes.div_ceil(1000)));
    }
    eprintln!("    target/components: {}", sizes.join(", "));
    Ok(())
}

/// Leaves an equal file as it is, so that nobody who watches it starts anew, and never shows half a file. Returns its
/// size in bytes.
fn copy_if_changed(from: &Path, to: &Path) -> Result<usize> {
    let new = fs::read(from).with_context(|| format!("cargo did not build {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(new.len());
    }
    let temporary = to.with_extension(format!("{}.tmp", process::id()));
    let write = || {
        to.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&temporary, &new)?;
        fs::rename(&temporary, to)
    };
    write().with_context(|| format!("{} could not be written", to.display()))?;
    Ok(new.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_changed_file_is_replaced() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("xtask-copy-{}", process::id()));
        fs::create_dir_all(&folder)?;
        let (from, to) = (folder.join("a.wasm"), folder.join("out/b.wasm"));
        assert!(copy_if_changed(&from, &to).is_err(), "nothing was built");

        fs::write(&from, "one")?;
        assert_eq!(copy_if_changed(&from, &to)?, 3);
        let first = fs::metadata(&to)?.modified()?;
        copy_if_changed(&from, &to)?;
        assert_eq!(fs::metadata(&to)?.modified()?, first);

        fs::write(&from, "three")?;
        copy_if_changed(&from, &to)?;
        assert_eq!(fs::read_to_string(&to)?, "three");
        assert_eq!(
            fs::read_dir(folder.join("out"))?.count(),
            1,
            "no file is left behind"
        );
        fs::remove_dir_all(&folder)?;
        Ok(())
    }
}
