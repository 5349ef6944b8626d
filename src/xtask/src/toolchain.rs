//! Where the compiler for wasm32-wasip2 comes from.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::workspace::Workspace;
use crate::{debian, step};

/// What the components are compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// How to get a compiler where none was found and none can be installed from here.
pub(crate) const HOW_TO_GET: &str = "either `rustup target add wasm32-wasip2`, or on Debian as root `apt-get install rustc-web \
    cargo-web rust-web-src rust-web-llvm wasi-libc` and the lld-NN of the same LLVM";

/// Who the compiler comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The Rust that runs this, with a target that rustup installed
    Rustup,
    /// Debian's own Rust, installed beside it
    Debian,
}

/// A compiler that is ready.
pub(crate) enum Toolchain {
    /// The Rust that runs this.
    Own,
    /// Debian's, which builds the standard library too.
    Debian { linker_folder: PathBuf },
}

/// What was found on this machine.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    wanted: Option<Source>,
    own_has_target: bool,
    has_rustup: bool,
    debian_complete: bool,
    debian_used_before: bool,
    can_apt_install: bool,
}

/// One way to a compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is there.
    Own,
    /// `rustup target add`.
    AddByRustup,
    /// It is there.
    Debian,
    /// `apt-get install`.
    InstallDebian,
}

/// The ways to try, in this order.
fn ways(facts: Facts) -> Vec<Way> {
    let debian = match facts {
        Facts {
            debian_complete: true,
            ..
        } => Some(Way::Debian),
        Facts {
            can_apt_install: true,
            ..
        } => Some(Way::InstallDebian),
        _ => None,
    };
    let own = match facts {
        Facts {
            own_has_target: true,
            ..
        } => Some(Way::Own),
        Facts {
            has_rustup: true, ..
        } => Some(Way::AddByRustup),
        _ => None,
    };
    match facts.wanted {
        Some(Source::Rustup) => Vec::from_iter(own),
        Some(Source::Debian) => Vec::from_iter(debian),
        None if own == Some(Way::Own) => vec![Way::Own],
        // Rustup failed here before: do not wait for its time-outs again.
        None if facts.debian_complete && facts.debian_used_before => vec![Way::Debian],
        None => own.into_iter().chain(debian).collect(),
    }
}

/// The ways that this machine offers; none if the components cannot be built.
pub(crate) fn available(workspace: &Workspace, wanted: Option<Source>) -> Vec<Way> {
    ways(Facts {
        wanted,
        own_has_target: own_has_target(),
        has_rustup: which::which("rustup").is_ok(),
        debian_complete: debian::compiler_linker().is_some(),
        debian_used_before: debian_target(workspace).exists(),
        can_apt_install: debian::can_install(),
    })
}

/// A compiler, installed if need be.
pub(crate) fn get(workspace: &Workspace, wanted: Option<Source>) -> Result<Toolchain> {
    // The usual case, and spin.toml asks once per component: look at nothing else.
    if wanted != Some(Source::Debian) && own_has_target() {
        return Ok(Toolchain::Own);
    }
    for way in available(workspace, wanted) {
        match follow(workspace, way) {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => eprintln!("    {error:#}"),
        }
    }
    bail!("no compiler for {TARGET} could be had: {HOW_TO_GET}");
}

fn follow(workspace: &Workspace, way: Way) -> Result<Toolchain> {
    match way {
        Way::Own => Ok(Toolchain::Own),
        Way::AddByRustup => {
            let mut rustup = workspace.command("rustup");
            rustup.args(["target", "add", TARGET]);
            step::run(
                "installing the wasm32-wasip2 target with rustup",
                &mut rustup,
            )?;
            Ok(Toolchain::Own)
        }
        Way::Debian => match debian::compiler_linker() {
            Some(linker_folder) => Ok(Toolchain::Debian { linker_folder }),
            None => bail!("Debian's compiler for {TARGET} is not complete"),
        },
        Way::InstallDebian => {
            eprintln!(
                "    Debian's packages have a compiler for {TARGET} too: installing {} and lld",
                debian::COMPILER.join(", ")
            );
            let linker_folder = debian::install_compiler()?;
            Ok(Toolchain::Debian { linker_folder })
        }
    }
}

/// Flags that keep the folders of this machine out of what is built: panics name their place in dependencies.
fn without_paths() -> Vec<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| std::fs::read_dir(home.join("registry/src")).ok());
    let mut folders: Vec<_> = registries
        .into_iter()
        .flatten()
        .flatten()
        .map(|f| f.path())
        .collect();
    folders.sort();
    let flag = |folder: PathBuf| format!("--remap-path-prefix={}=deps", folder.display());
    folders.into_iter().map(flag).collect()
}

impl Toolchain {
    /// `cargo rustc` for the target, and the target directory that it fills.
    pub(crate) fn cargo_rustc(&self, workspace: &Workspace) -> (Command, PathBuf) {
        match self {
            Self::Own => {
                let mut command = workspace.cargo(&["rustc", "--target", TARGET]);
                command.env("CARGO_ENCODED_RUSTFLAGS", without_paths().join("\u{1f}"));
                (command, workspace.target.clone())
            }
            Self::Debian { linker_folder } => {
                let target = debian_target(workspace);
                let mut command = workspace.command("/usr/bin/cargo");
                // What rustup and its cargo have set would lead to their compiler and libraries.
                for name in [
                    "RUSTUP_TOOLCHAIN",
                    "CARGO",
                    "RUSTC",
                    "RUSTDOC",
                    "LD_LIBRARY_PATH",
                ] {
                    command.env_remove(name);
                }
                command
                    .args(["rustc", "-Zbuild-std=std,panic_abort", "--target", TARGET])
                    .env("PATH", search_path(linker_folder, env::var_os("PATH")))
                    // Debian's is a stable release; building the standard library asks for more.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env_remove("CARGO_ENCODED_RUSTFLAGS")
                    .env("RUSTFLAGS", "-L native=/usr/lib/wasm32-wasi")
                    .env("CARGO_TARGET_DIR", &target);
                (command, target)
            }
        }
    }
}

/// Its own directory: two compilers in one would rebuild each other's output.
fn debian_target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("debian-rustc")
}

fn search_path(linker_folder: &Path, path: Option<OsString>) -> OsString {
    let mut folders = linker_folder.as_os_str().to_owned();
    folders.push(":/usr/bin");
    if let Some(rest) = path.filter(|path| !path.is_empty()) {
        folders.push(":");
        folders.push(rest);
    }
    folders
}

fn own_has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = step::quiet_output(Command::new(rustc).args(["--print", "sysroot"]));
    sysroot.is_some_and(|sysroot| {
        let rustlib = Path::new(&sysroot).join("lib/rustlib");
        rustlib.join(TARGET).join("lib").exists()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_decides_the_ways() {
        let none = Facts::default();
        let rustup = Facts {
            has_rustup: true,
            ..none
        };
        let root = Facts {
            can_apt_install: true,
            ..none
        };
        let rustup_root = Facts {
            has_rustup: true,
            ..root
        };
        let packages = Facts {
            debian_complete: true,
            ..rustup_root
        };
        let used = Facts {
            debian_used_before: true,
            ..packages
        };
        let all = Facts {
            own_has_target: true,
            ..used
        };
        let want = |source, facts| Facts {
            wanted: Some(source),
            ..facts
        };
        for (facts, expected) in [
            (none, &[][..]),
            (all, &[Way::Own]),
            (rustup, &[Way::AddByRustup]),
            (root, &[Way::InstallDebian]),
            (rustup_root, &[Way::AddByRustup, Way::InstallDebian]),
            (packages, &[Way::AddByRustup, Way::Debian]),
            (used, &[Way::Debian]),
            (want(Source::Rustup, all), &[Way::Own]),
            (want(Source::Rustup, used), &[Way::AddByRustup]),
            (want(Source::Rustup, root), &[]),
            (want(Source::Debian, all), &[Way::Debian]),
            (want(Source::Debian, rustup_root), &[Way::InstallDebian]),
            (want(Source::Debian, rustup), &[]),
        ] {
            assert_eq!(ways(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn the_linker_is_found_first() {
        let folder = Path::new("/usr/lib/llvm-22/bin");
        for (path, expected) in [
            (Some("/a:/b"), "/usr/lib/llvm-22/bin:/usr/bin:/a:/b"),
            (Some(""), "/usr/lib/llvm-22/bin:/usr/bin"),
            (None, "/usr/lib/llvm-22/bin:/usr/bin"),
        ] {
            let found = search_path(folder, path.map(OsString::from));
            assert_eq!(found, expected);
        }
    }
}
