//! Lines for the operator.

use handoff_wire::visible;
use std::io::Write;

/// Prints one line for the operator, whatever text of a caller it holds. Unlike `eprintln!` it does
/// not panic where printing fails, as on a full disk.
pub(crate) fn say(message: &str) {
    _ = writeln!(std::io::stderr(), "handoff: {}", visible(message));
}
