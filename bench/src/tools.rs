//! Installing peers, each by its ordinary package manager into a folder of its own below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use handoff_e2e::workspace;

/// Where peers are installed.
pub(crate) struct Tools {
    /// Ignored by git.
    pub folder: PathBuf,
}

impl Tools {
    /// Where a peer is installed, with its files of `bench/peers` copied there. `install` is called if they have changed.
    pub(crate) fn install(
        &self,
        peer: &str,
        install: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let to = self.folder.join(peer);
        let done = to.join("installed");
        let mut changed = !done.exists();
        for file in files(&workspace("bench/peers").join(peer))? {
            let name = file.file_name().context("a file has a name")?;
            let new = fs::read(&file)?;
            if fs::read(to.join(name)).is_ok_and(|old| old == new) {
                continue;
            }
            fs::create_dir_all(&to)?;
            fs::write(to.join(name), new)?;
            changed = true;
        }
        if changed {
            _ = fs::remove_file(&done);
            eprintln!("==> installing {peer} into {}", to.display());
            install(&to)?;
            fs::write(done, "")?;
        }
        Ok(to)
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let paths: Result<Vec<_>> = paths.collect();
    Ok(paths?.into_iter().filter(|path| path.is_file()).collect())
}

/// Runs a command to its end; what it printed is shown if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs a command to its end, and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.with_context(|| format!("{program} can't be started"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed: {text} {errors}");
    }
    Ok(text)
}

/// The first line that `PROGRAM --version` prints.
pub(crate) fn version(program: impl AsRef<Path>) -> Result<String> {
    let text = output(Command::new(program.as_ref()).arg("--version"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
