//! Builds the components and puts them where spin.toml looks for them.

use std::fs;
use std::path::Path;
use std::process;

use anyhow::{Context, Result};

use crate::step;
use crate::toolchain::{self, Source};
use crate::workspace::Workspace;

/// A component, and how it is built.
pub(crate) struct Component {
    pub package: &'static str,
    /// Features beside the default ones, with commas between them.
    pub features: &'static str,
    /// The name of its file.
    pub file: &'static str,
}

/// For Spin and the local host.
pub(crate) const SPIN: [Component; 3] =
    spin("handoff/key-value", "component,handoff-platform/key-value");

/// The same for hosts whose key-value store has no atomic increment: they do not import it.
pub(crate) const WITHOUT_KEY_VALUE: [Component; 3] = spin("", "component");

/// For wasmCloud.
pub(crate) const WASMCLOUD: [Component; 2] = [
    Component {
        package: "handoff-tasks",
        features: "handoff/wasmcloud",
        file: "handoff_wasmcloud.wasm",
    },
    // A workload of its own.
    Component {
        package: "handoff-console",
        features: "component,handoff-platform/wasmcloud",
        file: "handoff_console_wasmcloud.wasm",
    },
];

/// A host resets an instance's memory for each request, and the default stack of 1 MiB would be most of it. It comes first in
/// memory, so that an overflow traps.
const STACK: &str = "link-arg=-zstack-size=131072";

/// For end-to-end tests.
pub(crate) const CONFORMANCE: [Component; 1] = [Component {
    package: "handoff-conformance-component",
    features: "handoff-platform/key-value",
    file: "handoff_conformance_component.wasm",
}];

/// For end-to-end tests on wasmCloud.
pub(crate) const WASMCLOUD_CONFORMANCE: [Component; 1] = [Component {
    package: "handoff-conformance-component",
    features: "handoff-platform/wasmcloud",
    file: "handoff_conformance_wasmcloud.wasm",
}];

/// For the benchmark.
pub(crate) const LIMIT: [Component; 1] = [Component {
    package: "handoff-limit",
    features: "",
    file: "handoff_limit.wasm",
}];

const fn spin(features: &'static str, of_gather: &'static str) -> [Component; 3] {
    [
        // The API and the worker.
        Component {
            package: "handoff-tasks",
            features,
            file: "handoff.wasm",
        },
        Component {
            package: "handoff-gather",
            features: of_gather,
            file: "handoff_gather.wasm",
        },
        // It has no store.
        Component {
            package: "handoff-console",
            features: "component",
            file: "handoff_console.wasm",
        },
    ]
}

/// Builds what has changed of these components, and puts them into a folder. Each is built by itself,
/// since packages that are built together have the same features.
pub(crate) fn build(
    workspace: &Workspace,
    wanted: Option<Source>,
    components: &[Component],
    to: &Path,
) -> Result<()> {
    let toolchain = toolchain::get(workspace, wanted)?;
    let mut sizes = Vec::new();
    for component in components {
        let (mut cargo, target) = toolchain.cargo_rustc(workspace);
        // The library itself as a component is smaller than a component that depends on it.
        cargo.args(["--profile", "component", "--crate-type", "cdylib"]);
        cargo.args(["--package", component.package]);
        cargo.args(["--features", component.features]);
        cargo.args(["--", "-C", STACK]);
        step::run(&format!("building {}", component.file), &mut cargo)?;
        let built = format!("{}.wasm", component.package.replace('-', "_"));
        let built = target.join(toolchain::TARGET).join("component").join(built);
        let bytes = copy_if_changed(&built, &to.join(component.file))?;
        sizes.push(format!("{} {} KB", component.file, bytes.div_ceil(1000)));
    }
    let shown = to.strip_prefix(&workspace.root).unwrap_or(to);
    eprintln!("    {}: {}", shown.display(), sizes.join(", "));
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
