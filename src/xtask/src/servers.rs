//! The servers that tests start beside a host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian;
use crate::step;
use crate::summary::Summary;

/// A server, and how to get it.
pub(crate) struct Server {
    name: &'static str,
    /// Tests that need it are skipped where this variable says why.
    skipped: &'static str,
    package: &'static str,
    missing: fn() -> bool,
}

pub(crate) const REDIS: Server = Server {
    name: "redis-server",
    skipped: "HANDOFF_SKIP_REDIS",
    package: "redis-server",
    missing: || which::which("redis-server").is_err(),
};

pub(crate) const POSTGRES: Server = Server {
    name: "a Postgres server",
    skipped: "HANDOFF_SKIP_POSTGRES",
    package: "postgresql",
    missing: || postgres().is_none(),
};

/// The folder with the programs of a Postgres server. Debian keeps each version in one of its own, and not on PATH.
pub(crate) fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = versions.flatten().map(|version| version.path().join("bin"));
    let path = which::which("initdb").ok();
    let path = path.and_then(|program| program.parent().map(Path::to_owned));
    let mut folders = debian.chain(path);
    folders.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// Sees that there is a PgBouncer that keeps what is prepared, or says why not. Debian's own is older.
pub(crate) fn pgbouncer() -> Result<(), String> {
    const SINCE: (u32, u32) = (1, 21);
    let missing = format!("pgbouncer {}.{} or later is not on PATH", SINCE.0, SINCE.1);
    let text = step::quiet_output(Command::new("pgbouncer").arg("--version"));
    let text = text.unwrap_or_default();
    let version = text.split_whitespace().nth(1).and_then(|version| {
        let mut numbers = version.split('.').map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    version
        .filter(|version| *version >= SINCE)
        .map(drop)
        .ok_or(missing)
}

impl Server {
    /// Sees that it can be started, or says why not.
    pub(crate) fn get(&self) -> Result<(), String> {
        let name = self.name;
        if (self.missing)() && debian::can_install() {
            // Its service would then run here.
            if Path::new("/run/systemd/system").exists() {
                return Err(format!(
                    "{name} is not there, and installing it here would start a service"
                ));
            }
            if let Err(error) = debian::install_server(self.package) {
                return Err(format!("{name} could not be installed: {error:#}"));
            }
        }
        if (self.missing)() {
            let package = self.package;
            return Err(format!(
                "{name} is not there (its package is called {package})"
            ));
        }
        Ok(())
    }

    /// Has tests skip what needs it, if it is not there.
    pub(crate) fn offer(
        &self,
        found: &Result<(), String>,
        tests: &mut Command,
        what: &str,
        summary: &Summary,
    ) {
        if let Err(reason) = found {
            tests.env(self.skipped, reason);
            summary.skip(what, reason);
        }
    }
}
