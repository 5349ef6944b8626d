//! The canonical form of a request: one text for all requests that mean the same.

use crate::base::fields::object_fields;
use crate::base::json::Json;
use serde_json::value::RawValue;

/// Writes a document with the names of each object sorted, and without white space. Numbers stay as
/// written, since rounding could make two requests equal. A name that occurs twice in an object
/// stays twice, in the order given. The reader of the document decides which of the two counts.
pub(crate) fn canonical(json: &Json) -> String {
    let mut text = String::with_capacity(json.as_str().len());
    write(json.raw(), &mut text);
    text
}

fn write(raw: &RawValue, out: &mut String) {
    let json = raw.get().trim();
    let read = match json.as_bytes().first() {
        Some(b'{') => object_fields(raw).map(|fields| object(fields, out)),
        Some(b'[') => serde_json::from_str(json).map(|items: Vec<&RawValue>| array(&items, out)),
        // Different escapes of the same text are the same text.
        Some(b'"') => serde_json::from_str(json).map(|text: String| string(&text, out)),
        _ => {
            out.push_str(json);
            Ok(())
        }
    };
    if read.is_err() {
        // It is nested too deep to be a request, or holds half of a surrogate pair: it equals only
        // itself.
        out.push_str(json);
    }
}

fn object(mut fields: Vec<(String, &RawValue)>, out: &mut String) {
    // This sort keeps the order of equal names.
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    out.push('{');
    for (i, (name, value)) in fields.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        string(&name, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn array(items: &[&RawValue], out: &mut String) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

fn string(text: &str, out: &mut String) {
    if let Ok(json) = serde_json::to_string(text) {
        out.push_str(&json);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: two requests, and whether they are the same.
    #[test]
    fn what_is_the_same() {
        let table = [
            (
                r#"{"b":[1,{"d":2,"c":3}],"a":4}"#,
                r#"{ "a":4, "b":[1, {"c":3,"d":2}] }"#,
                true,
            ),
            (r#"["\u00e9\/"]"#, r#"["é/"]"#, true),
            (r#"{"\u0061":1}"#, r#"{"a":1}"#, true),
            ("[1,2]", "[2,1]", false),
            ("[12]", "[1,2]", false),
            ("123456789012345678901", "123456789012345678902", false),
            ("1.10", "1.1", false),
            ("[\"1\"]", "[1]", false),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, false),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#, false),
            (r#"{"b":0,"a":1,"a":2}"#, r#"{"a":1,"b":0,"a":2}"#, true),
            (r#"{"a,b":1}"#, r#"{"a":1,"b":1}"#, false),
        ];
        for (one, other, same) in table {
            let of = |text: &str| canonical(&text.parse().expect("it is JSON"));
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
    }
}
