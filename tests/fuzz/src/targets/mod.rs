//! One file per target.

pub(crate) mod batch;
pub(crate) mod duration;
pub(crate) mod gather;
pub(crate) mod id;
pub(crate) mod request;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod task;
pub(crate) mod time;
pub(crate) mod workflow;

use handoff_wire::FieldError;
use serde_json::{Map, Value};

/// When everything happens here, in milliseconds since 1970: a full hour.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

/// The bytes as text, if they are.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The first `N` lines, of which the last is all the rest. Missing ones are empty.
fn lines<const N: usize>(text: &str) -> [&str; N] {
    let mut lines = text.splitn(N, '\n');
    [(); N].map(|()| lines.next().unwrap_or_default())
}

/// An error says something, and names a field of the document: one that is there, or one of `missing`. Only what is no
/// object at all has no field that could be named.
fn assert_names_field(error: &FieldError, document: &[u8], missing: &[&str]) {
    assert!(!error.reason.is_empty());
    let Ok(object) = serde_json::from_slice::<Map<String, Value>>(document) else {
        return;
    };
    let Some(field) = &error.field else {
        panic!("{error} names no field of {object:?}");
    };
    // Long names are cut, and what can't be seen is escaped.
    let field = &field.split('…').next().unwrap_or(field).to_owned();
    let names = |name: &str| {
        let shown = handoff_wire::named(name);
        // Of a name with dots each part is cut by itself.
        let cut = shown.contains('…');
        let shown = shown.split('…').next().unwrap_or_default();
        let rest = field.strip_prefix(shown);
        rest.is_some_and(|rest| cut || rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let named = object.keys().any(|key| names(key)) || missing.iter().any(|name| names(name));
    assert!(named, "{error}: there is no {field:?} in {object:?}");
}
