//! The SQLite file of Spin's own store, put into WAL mode before Spin opens it. A commit then syncs the
//! disk once instead of three times, and is as durable: SQLite's default, `synchronous=FULL`, holds.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The file's name in Spin's folder for state.
pub(crate) const FILE: &str = "sqlite_key_value.db";

/// Kept in the file: whoever opens it later uses WAL.
const PRAGMA: &str = "PRAGMA journal_mode=WAL";
const PYTHON: &str =
    "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])";

/// Puts the file in `state` into WAL mode, and makes it if it is not there.
///
/// # Errors
/// Why it stays as it is. Spin works with it all the same, only slower.
pub(crate) fn prepare(state: &Path) -> Result<(), String> {
    fs::create_dir_all(state).map_err(|e| format!("{}: {e}", state.display()))?;
    let file = state.join(FILE);
    let mut sqlite3 = Command::new("sqlite3");
    sqlite3.arg(&file).arg(PRAGMA);
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON]).arg(&file).arg(PRAGMA);
    let mut reasons = Vec::new();
    for mut command in [sqlite3, python] {
        let program = command.get_program().to_string_lossy().into_owned();
        match command.output() {
            Ok(output) if output.stdout.trim_ascii() == b"wal" => return Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                reasons.push(format!("{program} could not do it: {said}"));
            }
            Err(_) => reasons.push(format!("{program} is not on PATH")),
        }
    }
    Err(reasons.join("; "))
}
