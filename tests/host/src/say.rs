//! What the host itself has to say, on stderr.

use std::fmt::Display;
use std::io::Write;

/// Writes one line. Unlike `eprintln!` it does not panic when nobody reads: the host outlives a closed pipe.
pub(crate) fn say(text: impl Display) {
    let line = format!("handoff-host: {text}\n");
    _ = std::io::stderr().write_all(line.as_bytes());
}
