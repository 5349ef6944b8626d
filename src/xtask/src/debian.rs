//! What Debian's packages can stand in for: the compiler for wasm32-wasip2, and servers to test with.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use crate::step;

/// A second Rust, beside rustup's, that can build its own standard library for wasm32-wasip2.
pub(crate) const COMPILER: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "wasi-libc",
];

/// Whether packages can be installed here.
pub(crate) fn can_install() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    // A process's folder in /proc belongs to the user that it runs as.
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    root && os_id(&release) == Some("debian")
}

/// The folder of a complete compiler's linker; none if a package is missing.
pub(crate) fn compiler_linker() -> Option<PathBuf> {
    let mut query = Command::new("dpkg-query");
    query
        .args(["-W", "-f", "${db:Status-Status}\n"])
        .args(COMPILER);
    let states = step::quiet_output(&mut query)?;
    if states.lines().any(|state| state != "installed") {
        return None;
    }
    let folder = |version| PathBuf::from(format!("/usr/lib/llvm-{version}/bin"));
    let mut versions = llvm_folders().into_iter().rev().map(folder);
    versions.find(|folder| folder.join("wasm-ld").exists())
}

/// Installs the compiler and the linker that fits its LLVM.
pub(crate) fn install_compiler() -> Result<PathBuf> {
    install("Debian's Rust", &COMPILER)?;
    let mut search = Command::new("apt-cache");
    search.args(["search", "--names-only", "^lld-[0-9]+$"]);
    let packages = step::quiet_output(&mut search).unwrap_or_default();
    let words = packages.lines().filter_map(|line| line.split(' ').next());
    let lld = choose_lld(&llvm_folders(), &versions("lld-", words))
        .context("no package lld-NN was found: see that apt's sources are complete")?;
    install("the linker", &[&format!("lld-{lld}")])?;
    compiler_linker().with_context(|| format!("lld-{lld} brought no /usr/lib/llvm-*/bin/wasm-ld"))
}

/// Installs a server to test with, but never one that runs as a service.
pub(crate) fn install_server(package: &str) -> Result<()> {
    install(&format!("{package} for the tests"), &[package])
}

fn install(what: &str, packages: &[&str]) -> Result<()> {
    static UPDATED: OnceLock<()> = OnceLock::new();
    if UPDATED.get().is_none() {
        step::run("updating apt's package lists", apt_get().arg("update"))?;
        UPDATED.get_or_init(|| ());
    }
    let mut command = apt_get();
    command
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    step::run(&format!("installing {what} with apt-get"), &mut command)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["--quiet", "-o", "DPkg::Lock::Timeout=300"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        // Single-user mode: a package's service is not started.
        .env("RUNLEVEL", "1");
    command
}

fn llvm_folders() -> BTreeSet<u32> {
    let entries = fs::read_dir(Path::new("/usr/lib")).into_iter().flatten();
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    versions("llvm-", names.iter().map(String::as_str))
}

/// The NN of every `<prefix>NN`.
fn versions<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<u32> {
    let version = |name: &str| name.strip_prefix(prefix)?.parse().ok();
    names.into_iter().filter_map(version).collect()
}

/// The newest linker whose LLVM is installed, since the compiler brought its own; else the newest of all.
fn choose_lld(llvm: &BTreeSet<u32>, lld: &BTreeSet<u32>) -> Option<u32> {
    let fitting = llvm.intersection(lld).last();
    fitting.or(lld.last()).copied()
}

fn os_id(release: &str) -> Option<&str> {
    let id = release.lines().find_map(|line| line.strip_prefix("ID="))?;
    Some(id.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_its_id() {
        for (release, id) in [
            (
                "PRETTY_NAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n",
                Some("debian"),
            ),
            ("ID=\"debian\"", Some("debian")),
            ("ID=ubuntu\nID_LIKE=debian\n", Some("ubuntu")),
            ("VERSION_ID=12\n", None),
            ("", None),
        ] {
            assert_eq!(os_id(release), id, "{release:?}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let names = [
            "llvm-9",
            "llvm-14",
            "llvm-22",
            "llvm-",
            "llvm-14-dev",
            "llvm",
            "gcc-99",
        ];
        assert_eq!(Vec::from_iter(versions("llvm-", names)), [9, 14, 22]);
    }

    #[test]
    fn the_linker_fits_the_compiler() {
        for (llvm, lld, chosen) in [
            (&[14, 22][..], &[13, 14, 19, 22][..], Some(22)),
            (&[14, 22], &[14, 22, 23], Some(22)),
            (&[22], &[14, 19], Some(19)),
            (&[], &[9, 14], Some(14)),
            (&[22], &[], None),
        ] {
            let set = |numbers: &[u32]| numbers.iter().copied().collect();
            assert_eq!(
                choose_lld(&set(llvm), &set(lld)),
                chosen,
                "{llvm:?} {lld:?}"
            );
        }
    }
}
