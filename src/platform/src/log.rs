//! Lines for the operator.

use handoff_wire::visible;
use std::io::Write;

/// Prints one line for the operator, whatever text of a caller it holds. Unlike `eprintln!` it does
/// not panic where printing fails, as on a full disk.
pub(crate) fn say(message: &str) {
    _ = writeln!(std::io::stderr(), "handoff: {}", visible(message));
}

/// Prints one line of JSON for the operator, cleaned as all lines are.
pub fn print_json(json: &impl serde::Serialize) {
    if let Ok(json) = serde_json::to_string(json) {
        _ = writeln!(std::io::stderr(), "{}", visible(&json));
    }
}
