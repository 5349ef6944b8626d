//! The application with another manifest.

use crate::workspace;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A changed spin.toml, until it is dropped.
pub struct Manifest {
    path: PathBuf,
    _folder: TempDir,
}

impl Manifest {
    /// Replaces each text, which must be there, by another.
    ///
    /// # Panics
    /// If it is not there, or the file can't be written.
    pub fn changed(texts: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the manifest");
        let mut manifest = fs::read_to_string(workspace("spin.toml")).expect("spin.toml is read");
        for (old, new) in texts {
            assert!(manifest.contains(old), "{old}: {manifest}");
            manifest = manifest.replace(old, new);
        }
        let sources = format!("source = \"{}", workspace("target/components").display());
        let manifest = manifest.replace("source = \"target/components", &sources);
        let path = folder.path().join("spin.toml");
        fs::write(&path, manifest).expect("the manifest is written");
        Self {
            path,
            _folder: folder,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
