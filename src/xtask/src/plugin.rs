//! The command line as a plugin of Spin: an archive with the program, and a manifest that names it.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dist::hex;
use crate::step;
use crate::workspace::Workspace;

/// The manifest without its version and its package.
const MANIFEST: &str = "src/cli/spin-plugin.json";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds the command line, and puts its archive and the manifest into a folder. Returns the
/// archive's line of `SHA256SUMS`.
pub(crate) fn make(workspace: &Workspace, to: &Path, url: Option<&str>) -> Result<String> {
    let mut build = workspace.cargo(&["rustc", "--package", "handoff-cli", "--profile", "cli"]);
    build.args(["--bin", "handoff"]);
    if cfg!(target_os = "linux") {
        // One file for every distribution, however old or small its C library is. Names are found in
        // the same way: glibc has that built in since 2.34.
        build.args(["--", "-C", "target-feature=+crt-static"]);
    }
    step::run("building the command line", &mut build)?;
    let name = format!("handoff-{VERSION}-{}-{}.tar.gz", os(), architecture());
    let archive = to.join(&name);
    let mut tar = workspace.command("tar");
    tar.arg("--create")
        .arg("--gzip")
        .arg("--file")
        .arg(&archive);
    tar.arg("--directory").arg(workspace.target.join("cli"));
    tar.arg(format!("handoff{EXE_SUFFIX}"));
    tar.arg("--directory").arg(&workspace.root).arg("LICENSE");
    step::run("packing the command line", &mut tar)?;
    let bytes = fs::read(&archive).with_context(|| format!("tar made no {name}"))?;
    let digest = hex(&Sha256::digest(&bytes));
    let template = fs::read_to_string(workspace.root.join(MANIFEST))?;
    let manifest = filled(&template, &location(&archive, url), &digest)?;
    fs::write(to.join("handoff.json"), format!("{manifest:#}\n"))?;
    Ok(format!("{digest}  {name}\n"))
}

/// Where the archive is downloaded from, or is here.
fn location(archive: &Path, url: Option<&str>) -> String {
    match (url, archive.file_name()) {
        (Some(url), Some(name)) => format!("{}/{}", url.trim_end_matches('/'), name.display()),
        _ => format!("file://{}", archive.display()),
    }
}

/// The manifest with its version, and the package for this machine.
fn filled(template: &str, url: &str, digest: &str) -> Result<Value> {
    let mut manifest: Value = serde_json::from_str(template).context(MANIFEST)?;
    manifest["version"] = VERSION.into();
    manifest["packages"] = json!([
        {"os": os(), "arch": architecture(), "url": url, "sha256": digest},
    ]);
    Ok(manifest)
}

/// The system, as Spin names it.
fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "osx",
        os => os,
    }
}

/// The architecture, as Spin names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        architecture => architecture,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_program_of_this_machine() -> Result<()> {
        let template = fs::read_to_string(Workspace::find()?.root.join(MANIFEST))?;
        let archive = Path::new("/a/handoff-1-linux-amd64.tar.gz");
        let url = location(archive, Some("https://example.org/v1/"));
        assert_eq!(url, "https://example.org/v1/handoff-1-linux-amd64.tar.gz");
        let here = location(archive, None);
        assert_eq!(here, "file:///a/handoff-1-linux-amd64.tar.gz");
        let manifest = filled(&template, &url, "00ff")?;
        assert_eq!(manifest["name"], "handoff");
        assert_eq!(manifest["version"], VERSION);
        let package = &manifest["packages"][0];
        assert_eq!(
            (&package["url"], &package["sha256"]),
            (&json!(url), &json!("00ff"))
        );
        Ok(())
    }
}
