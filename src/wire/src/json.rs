//! Reading JSON, with errors that name the wrong field.

use crate::explain::explain;
use handoff_queue::Json;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The fault of a document, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path, such as `retry.attempts` or `tasks[3].args`; `None` for the document as a
    /// whole.
    pub field: Option<String>,
    /// The fault.
    pub reason: String,
    /// The kind of fault.
    pub fault: Fault,
}

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The value can't be used.
    Value,
    /// The value exceeds a limit.
    TooLarge,
    /// The deployment is misconfigured, whatever the value.
    Deployment,
}

impl FieldError {
    /// An error about one field.
    pub fn new(field: &str, reason: impl Into<String>) -> Self {
        Self::new_at(Some(field.to_owned()), reason)
    }

    /// An error about a field, or about the document as a whole.
    pub fn new_at(field: Option<String>, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
            fault: Fault::Value,
        }
    }

    /// An error about a field that exceeds a limit.
    pub fn too_large(field: &str, reason: impl Into<String>) -> Self {
        Self {
            fault: Fault::TooLarge,
            ..Self::new(field, reason)
        }
    }

    /// An error about a field that a misconfigured deployment can't check.
    pub fn misconfigured(field: &str, reason: impl Into<String>) -> Self {
        Self {
            fault: Fault::Deployment,
            ..Self::new(field, reason)
        }
    }

    /// Moves the error into the field `parent` of an outer document.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        let field = match self.field {
            Some(field) if field.starts_with('[') => format!("{parent}{field}"),
            Some(field) => format!("{parent}.{field}"),
            None => parent.to_owned(),
        };
        Self {
            field: Some(field),
            ..self
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for FieldError {}

/// A JSON object. serde would also read a struct from an array of its fields, which no caller means
/// here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// Reads a document that is an object.
///
/// ```
/// #[derive(serde::Deserialize, Debug)]
/// #[serde(deny_unknown_fields)]
/// struct Point { x: u32 }
///
/// let e = handoff_wire::from_slice::<Point>(br#"{"x": "one"}"#).unwrap_err();
/// assert_eq!(e.field.as_deref(), Some("x"));
/// let e = handoff_wire::from_slice::<Point>(br#"{"y": 1}"#).unwrap_err();
/// assert_eq!(e.field.as_deref(), Some("y"));
/// let e = handoff_wire::from_slice::<Point>(b"{}").unwrap_err();
/// assert_eq!(e.to_string(), "x: it is missing");
/// assert!(handoff_wire::from_slice::<Point>(b"{\"x\": 1").is_err());
/// ```
///
/// # Errors
/// If it is not JSON, nested more than 128 deep, or not of the expected form.
pub fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, FieldError> {
    let json = utf8(json)?;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let Object(value) =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|e| explain(e, json))?;
    deserializer.end().map_err(|e| {
        let at = format!("line {}, column {}", e.line(), e.column());
        let reason = format!("this is not JSON: something follows the JSON value at {at}");
        FieldError::new_at(None, reason)
    })?;
    Ok(value)
}

/// Removes the byte order mark, which RFC 8259 lets a reader skip. JSON begins with ASCII, so a
/// zero among the first two bytes means another encoding.
fn utf8(json: &[u8]) -> Result<&[u8], FieldError> {
    match json {
        [0xef, 0xbb, 0xbf, json @ ..] => Ok(json),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..] => {
            let reason = "this is UTF-16 or UTF-32; send JSON as UTF-8";
            Err(FieldError::new_at(None, reason))
        }
        _ => Ok(json),
    }
}

/// Reads a part of a document that is an object.
///
/// # Errors
/// If it has another form.
pub fn from_json<'de, T: Deserialize<'de>>(json: &'de Json) -> Result<T, FieldError> {
    from_slice(json.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[test]
    fn other_encodings_are_named() {
        let json = r#"{"inner": {"a": 1}}"#;
        let marked = [b"\xef\xbb\xbf", json.as_bytes()].concat();
        assert!(from_slice::<Outer>(&marked).is_ok());
        let little: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = json.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let with_mark = |mark: &[u8], text: &[u8]| [mark, text].concat();
        for body in [
            with_mark(b"\xff\xfe", &little),
            with_mark(b"\xfe\xff", &big),
            little,
            big,
        ] {
            let e = from_slice::<Outer>(&body).expect_err("it is UTF-16");
            assert!(e.reason.contains("UTF-8"), "{e}");
        }
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        inner: Option<Object<Inner>>,
        list: Option<Vec<Object<Inner>>>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        a: u32,
    }

    #[test]
    fn names_the_field() {
        let deep = format!("{{\"inner\":{}{}}}", "[".repeat(500), "]".repeat(500));
        let table = [
            (r#"{"inner":{"a":-1}}"#, Some("inner.a")),
            (r#"{"inner":{}}"#, Some("inner.a")),
            (r#"{"inner":{"a":1,"b":2}}"#, Some("inner.b")),
            (r#"{"list":[{"a":1},{"a":"x"}]}"#, Some("list[1].a")),
            (r#"{"list":[{"a":1},{}]}"#, Some("list[1].a")),
            (r#"{"other":1}"#, Some("other")),
            (r#"{"a`, expected b":1}"#, Some("a`, expected b")),
            (r#"{"inner":{"a?":1}}"#, Some("inner.a?")),
            (r#"{"inner":[1]}"#, Some("inner")),
            (r#"{"list":[[1]]}"#, Some("list[0]")),
            ("[{},[]]", None),
            ("", None),
            ("{", None),
            ("{} {}", None),
            ("[]", None),
            ("null", None),
            ("\u{fffd}", None),
        ];
        for (json, field) in table {
            let e = from_slice::<Outer>(json.as_bytes()).expect_err(json);
            assert_eq!(e.field.as_deref(), field, "{json}: {e}");
        }
        assert!(from_slice::<Outer>(deep.as_bytes()).is_err());
        assert!(from_slice::<Outer>(b"\xff").is_err());
    }
}
