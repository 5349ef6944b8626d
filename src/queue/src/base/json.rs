//! JSON that the engine does not parse: arguments, results, checkpoints.

use crate::base::config::JSON_DEPTH_MAX;
use serde::Serialize;
use serde::Serializer;
use serde::de::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// JSON as text. Only its reader parses it. So numbers of any size stay as they were written, and a
/// large document takes as much memory as its text. A clone shares the text.
///
/// White space between tokens is dropped. Two values are equal if their texts are equal.
///
/// ```
/// use handoff_queue::Json;
///
/// let json: Json = r#"{"id": 18446744073709551617, "rate": 1.10}"#.parse().unwrap();
/// assert_eq!(json.as_str(), r#"{"id":18446744073709551617,"rate":1.10}"#);
/// assert_eq!("[[1],[]]".parse::<Json>().unwrap().depth(), 2);
/// ```
#[derive(Clone)]
pub struct Json(pub(crate) Arc<RawValue>);

impl Json {
    /// Writes a value as JSON.
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::compact)
    }

    /// Makes `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// Makes `{}`.
    pub fn empty_object() -> Self {
        let Ok(json) = "{}".parse() else {
            unreachable!("it is JSON");
        };
        json
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The text, for serde.
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    /// The number of bytes of the text.
    pub fn bytes(&self) -> u64 {
        self.as_str().len() as u64
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.as_str().starts_with('{')
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// The depth to which arrays and objects are nested.
    pub fn depth(&self) -> usize {
        depth(self.as_str())
    }

    /// Describes why some readers can't read it, in words that follow "it is". It is nested deeper
    /// than [`JSON_DEPTH_MAX`], or has half of a surrogate pair.
    pub fn flaw(&self) -> Option<String> {
        let depth = self.depth();
        if depth > JSON_DEPTH_MAX {
            return Some(format!(
                "nested {depth} deep; at most {JSON_DEPTH_MAX} arrays and objects may be within each other"
            ));
        }
        let half = lone_surrogate(self.as_str())?;
        Some(format!(
            "no Unicode text: {half} is half of a surrogate pair"
        ))
    }

    /// Returns the same object with one more field at its end.
    ///
    /// # Errors
    /// If it is no object, or the value can't be written.
    pub fn with(
        &self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Self, serde_json::Error> {
        let fields = self
            .as_str()
            .strip_prefix('{')
            .and_then(|s| s.strip_suffix('}'));
        let fields = fields.ok_or_else(|| serde::de::Error::custom("it is no JSON object"))?;
        let comma = if fields.is_empty() { "" } else { "," };
        let (name, value) = (Self::of(name)?, Self::of(value)?);
        format!("{{{fields}{comma}{name}:{value}}}").parse()
    }

    /// Reads it as a value of type `T`.
    ///
    /// # Errors
    /// If it has another form.
    pub fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    /// Drops white space between tokens.
    fn compact(raw: Box<RawValue>) -> Self {
        let text = raw.get();
        if !outside_strings(text).any(|(_, b)| b.is_ascii_whitespace()) {
            return Self(raw.into());
        }
        let mut compact = Vec::with_capacity(text.len());
        let mut copied = 0;
        for (i, b) in outside_strings(text) {
            if b.is_ascii_whitespace() {
                compact.extend_from_slice(&text.as_bytes()[copied..i]);
                copied = i + 1;
            }
        }
        compact.extend_from_slice(&text.as_bytes()[copied..]);
        let compact = String::from_utf8(compact).map(RawValue::from_string);
        match compact {
            Ok(Ok(compact)) => Self(compact.into()),
            // This never happens: only single bytes between tokens were removed.
            _ => Self(raw.into()),
        }
    }
}

/// The depth to which arrays and objects are nested in a JSON text.
pub(crate) fn depth(json: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for (_, b) in outside_strings(json) {
        match b {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// Finds the first escape that is one half of a surrogate pair without the other half.
fn lone_surrogate(json: &str) -> Option<&str> {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(next) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += next;
        at += match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => return json.get(at..at + 6),
            Some(_) => 6,
            None => 2,
        };
    }
    None
}

/// The bytes of JSON outside quotes, with their positions.
fn outside_strings(json: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut inside, mut escaped) = (false, false);
    json.bytes().enumerate().filter(move |&(_, b)| {
        if !inside {
            inside = b == b'"';
            return !inside;
        }
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = false,
            _ => {}
        }
        false
    })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::compact)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl FromStr for Json {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        // Only maps whose keys are not strings can't be written.
        Self::of(&value).unwrap_or_else(|_| Self::null())
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self::compact(raw.to_owned())
    }
}

/// The default is `null`.
impl Default for Json {
    fn default() -> Self {
        Self::null()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl PartialEq<serde_json::Value> for Json {
    fn eq(&self, other: &serde_json::Value) -> bool {
        self.as_str() == Self::from(other.clone()).as_str()
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Rows: a text, and how it is kept.
    #[test]
    fn what_is_written_is_kept() {
        let table = [
            ("1e400", "1e400"),
            ("-0", "-0"),
            ("1.10", "1.10"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (
                " { \"a b\" : [ 1 ,\n\t\"c \\\" d\" ] } ",
                "{\"a b\":[1,\"c \\\" d\"]}",
            ),
            ("\"\\\\\" ", "\"\\\\\""),
            ("{\"b\":1,\"a\":2,\"b\":3}", "{\"b\":1,\"a\":2,\"b\":3}"),
            ("[\"é\" , \"\\u00e9\"]", "[\"é\",\"\\u00e9\"]"),
        ];
        for (text, kept) in table {
            let json: Json = text.parse().expect(text);
            assert_eq!(json.as_str(), kept, "{text}");
            assert_eq!(Json::of(&json).expect(text), json);
            let within: Vec<Json> = serde_json::from_str(&format!("[{text}, 1]")).expect(text);
            assert_eq!(within[0], json);
        }
        assert_eq!(Json::from(json!({"a": [1, "b"]})), json!({"a": [1, "b"]}));
        assert!("{".parse::<Json>().is_err() && "1 2".parse::<Json>().is_err());
    }

    /// Rows: a text, and what is wrong with it.
    #[test]
    fn what_not_every_reader_could_read_is_said() {
        let most = |n| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let table = [
            (most(JSON_DEPTH_MAX), None),
            (most(JSON_DEPTH_MAX + 1), Some("nested 65 deep")),
            (r#""\ud83d\ude00 \\ud800""#.to_owned(), None),
            (r#"{"\ud800":1}"#.to_owned(), Some("\\ud800 is half")),
            (r#"["\ude00\ud83d"]"#.to_owned(), Some("\\ude00 is half")),
            (r#""\uD83D\u0041""#.to_owned(), Some("\\uD83D is half")),
            (r#""\uD83D""#.to_owned(), Some("\\uD83D is half")),
        ];
        for (text, expected) in table {
            let flaw = text.parse::<Json>().expect("JSON").flaw();
            let as_expected = match (&flaw, expected) {
                (Some(flaw), Some(part)) => flaw.contains(part),
                (flaw, expected) => flaw.is_none() && expected.is_none(),
            };
            assert!(as_expected, "{text}: {flaw:?}");
        }
    }

    #[test]
    fn brackets_in_strings_are_no_depth() {
        for (text, expected) in [
            ("1", 0),
            ("[]", 1),
            ("[[],{\"a\":[]}]", 3),
            ("\"[[\"", 0),
            ("[\"\\\"[\",\"\\\\\",[]]", 2),
        ] {
            assert_eq!(depth(text), expected, "{text}");
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(deep.parse::<Json>().expect("JSON").depth(), 10_000);
    }
}
