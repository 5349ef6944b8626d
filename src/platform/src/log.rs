//! Lines for the operator.

use handoff_wire::{visible, visible_json};
use std::io::Write;

/// Prints one line for the operator, whatever text of a caller it holds. Unlike `eprintln!` it does
/// not panic where printing fails, as on a full disk.
pub(crate) fn say(message: &str) {
    print(&format!("handoff: {}", visible(message)));
}

/// Prints one line of JSON for the operator, cleaned as all lines are.
pub fn print_json(json: &impl serde::Serialize) {
    if let Ok(json) = serde_json::to_string(json) {
        print(&visible_json(&json));
    }
}

/// Prints in one call, since other instances print to the same place.
fn print(line: &str) {
    _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
