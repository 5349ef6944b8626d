//! Explaining serde's errors in the terms of the document's author.

use crate::near::{list, named, quoted};
use crate::{FieldError, did_you_mean};
use handoff_queue::Json;
use serde_json::error::Category;
use serde_path_to_error::Segment;

/// A longer explanation is cut, in characters. Only texts from a task's own code are so long.
const REASON_MAX: usize = 1_000;
/// A longer path of a field is cut, in characters.
const PATH_MAX: usize = 200;

/// Explains why `json` could not be read.
pub(crate) fn explain(
    error: serde_path_to_error::Error<serde_json::Error>,
    json: &[u8],
) -> FieldError {
    let path = error.path().to_string();
    let unknown = error
        .path()
        .iter()
        .any(|segment| matches!(segment, Segment::Unknown));
    let error = error.into_inner();
    // A truncated document has no path, or only the begin of one.
    let outer = (path != "." && !unknown).then_some(path);
    if error.classify() != Category::Data {
        return broken(&error, outer, json);
    }
    let (field, reason) = reason(&error);
    let field = match (outer, field) {
        (None, field) => field,
        (Some(outer), None) => Some(outer),
        // With some readers the path of an unknown field ends with the field itself.
        (Some(outer), Some(field)) if ends_with(&outer, &field) => Some(outer),
        (Some(outer), Some(field)) => Some(format!("{outer}.{field}")),
    };
    FieldError::new_at(field.map(|field| shown_path(&field)), reason)
}

fn ends_with(path: &str, field: &str) -> bool {
    let before = path.strip_suffix(field);
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// A path without invisible characters, cut to its limit.
fn shown_path(path: &str) -> String {
    // Cut first, since an escape must stay whole.
    let (path, cut) = match path.char_indices().nth(PATH_MAX) {
        Some((end, _)) => (&path[..end], "…"),
        None => (path, ""),
    };
    let parts: Vec<_> = path.split('.').map(named).collect();
    parts.join(".") + cut
}

/// Explains an error that serde_json calls one of the syntax. Unknown names of an enum are among
/// them.
fn broken(error: &serde_json::Error, outer: Option<String>, json: &[u8]) -> FieldError {
    let field = outer.map(|field| shown_path(&field));
    let text = error.to_string();
    if text.starts_with("number out of range") {
        return FieldError::new_at(field, "this number is out of range");
    }
    if text.starts_with("recursion limit") {
        return FieldError::new_at(field, "it is nested too deep");
    }
    if let Ok(json) = serde_json::from_slice::<Json>(json) {
        let flaw = json.flaw();
        let reason = flaw.map_or("it must be text".to_owned(), |flaw| format!("it is {flaw}"));
        return FieldError::new_at(field, reason);
    }
    let at = format!("line {}, column {}", error.line(), error.column());
    let what = text.split(" at line ").next().unwrap_or_default();
    let what = match what {
        "trailing characters" => "something follows the JSON value",
        "expected value" => "a value is missing",
        "expected ident" => "a word is neither true nor false nor null",
        "key must be a string" => "a name must be in double quotes",
        "invalid unicode code point" => "a byte is no UTF-8",
        what if what.starts_with("control character") => {
            "a control character in text must be escaped"
        }
        what if error.is_eof() && what.starts_with("EOF") => "it ends too early",
        what => what,
    };
    FieldError::new_at(field, format!("this is not JSON: {what} at {at}"))
}

/// The field that serde names, and the reason.
fn reason(error: &serde_json::Error) -> (Option<String>, String) {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    // The sent part may hold any text, the expected part does not.
    let parts = |start: &str, middle: &str| {
        let (sent, expected) = text.strip_prefix(start)?.rsplit_once(middle)?;
        Some((sent.to_owned(), expected.to_owned()))
    };
    let name = |start: &str| Some(text.strip_prefix(start)?.strip_suffix('`')?.to_owned());
    if let Some(field) = name("missing field `") {
        return (Some(field), "it is missing".to_owned());
    }
    if let Some(field) = name("duplicate field `") {
        return (Some(field), "it is there twice".to_owned());
    }
    if let Some((field, known)) = parts("unknown field `", "`, expected ") {
        let known = names(&known);
        let meant = did_you_mean(&field, known.iter().map(String::as_str));
        let known = list(known.iter().map(String::as_str));
        let known = if meant.is_empty() {
            format!("; known are {known}")
        } else {
            format!(" Known are {known}")
        };
        return (Some(field), format!("there is no such field{meant}{known}"));
    }
    if let Some((field, _)) = parts("unknown field `", "`, there are no fields") {
        return (Some(field), "there is no such field".to_owned());
    }
    if let Some((sent, known)) = parts("unknown variant `", "`, expected ") {
        let known = names(&known);
        return (None, not_one_of(&sent, known.iter().map(String::as_str)));
    }
    for start in ["invalid type: ", "invalid value: "] {
        if let Some((sent, expected)) = parts(start, ", expected ") {
            let expected = needed(&expected);
            let reason = match sent.as_str() {
                "null" | "unit value" => format!("it is missing: it must be {expected}"),
                sent => format!("it must be {expected}, not {}", shown(sent)),
            };
            return (None, reason);
        }
    }
    if let Some((length, expected)) = parts("invalid length ", ", expected ") {
        let expected = needed(&expected);
        return (
            None,
            format!("it has {length} items; it must be {expected}"),
        );
    }
    (None, cut(text))
}

/// Explains a word that is not one of the known ones.
pub fn not_one_of<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let meant = did_you_mean(word, known.clone());
    let known = list(known);
    format!("{} is not one of {known}{meant}", quoted(word))
}

/// The names in serde's text, such as "one of `a`, `b`".
fn names(text: &str) -> Vec<String> {
    let names = text.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// Describes the sent value.
fn shown(sent: &str) -> String {
    match sent {
        "sequence" => return "a list".to_owned(),
        "map" => return "an object".to_owned(),
        _ => {}
    }
    if let Some(text) = sent.strip_prefix("string ") {
        // The text is escaped already.
        let end = text.char_indices().nth(80);
        return end.map_or(text.to_owned(), |(end, _)| format!("{}…\"", &text[..end]));
    }
    let value = sent.split('`').nth(1);
    value.unwrap_or(sent).to_owned()
}

/// Describes the expected value.
fn needed(expected: &str) -> String {
    let needed = match expected {
        "a string" | "a borrowed string" | "string or map" | "variant identifier"
        | "field identifier" | "path string" => "text",
        "a character" => "text of one character",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a JSON object",
        "unit" => "null",
        struct_or_map if struct_or_map.starts_with("struct ") => "a JSON object",
        word if word.starts_with("enum ") => "text",
        list if list.starts_with("tuple ") || list.starts_with("a tuple ") => "a list",
        other => other,
    };
    needed.to_owned()
}

/// A text of a task's own code, without invisible characters.
fn cut(text: &str) -> String {
    let shown: String = text
        .chars()
        .take(REASON_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    shown
}
