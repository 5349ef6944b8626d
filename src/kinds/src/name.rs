//! Names of kinds, checked while the application is compiled.

use crate::Task;
use crate::built_in::{Busy, Fault, HttpRequest, Webhook};
use handoff_queue::WORKFLOW;
use handoff_wire::is_kind;

/// The names that kinds of an application can't have.
const TAKEN: [&str; 5] = [
    HttpRequest::NAME,
    Webhook::NAME,
    WORKFLOW,
    Fault::NAME,
    Busy::NAME,
];

/// Checks the names of an application's kinds.
///
/// # Panics
/// If a name can't be used, or two kinds have the same. `handoff::tasks!` calls this in a constant:
/// then the compiler reports it.
pub const fn check(names: &[&str]) {
    let mut i = 0;
    while i < names.len() {
        assert!(
            is_kind(names[i]),
            "a task's NAME has 1 to 128 letters, digits and . _ - :"
        );
        assert!(
            !has(&TAKEN, names[i], TAKEN.len()),
            "a task has the NAME of a kind that is built into Handoff"
        );
        assert!(!has(names, names[i], i), "two tasks have the same NAME");
        i += 1;
    }
}

/// Whether one of the first names is this one.
const fn has(names: &[&str], name: &str, first: usize) -> bool {
    let mut i = 0;
    while i < first {
        if equal(names[i].as_bytes(), name.as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}
