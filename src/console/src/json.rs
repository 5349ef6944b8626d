//! JSON of users, as it is shown: laid out, and without the values of names that are secret.
//! Numbers stay as they were written.

use handoff_wire::{REDACTED, items};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The longest shown text of a value, in bytes.
const SHOWN_MAX: usize = 16 << 10;
/// The deepest JSON that is read. The API takes less.
const DEPTH_MAX: usize = 100;

/// Names of values that are not shown. `*` in a pattern is any text, and case does not matter.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Vec<String>);

impl FromStr for Patterns {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(items(text).map(str::to_lowercase).collect()))
    }
}

impl Patterns {
    fn has(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.0.iter().any(|pattern| fits(pattern, &name))
    }
}

/// Whether a text is what a pattern with `*` says.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Text(String),
    /// A number, `true`, `false` or `null`, as written.
    Other(String),
}

impl Json {
    /// Reads JSON text.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|e| e.to_string())?;
        Self::of(raw, 0).map_err(|e| e.to_string())
    }

    fn of(raw: &RawValue, depth: usize) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        if depth > DEPTH_MAX {
            return Err(Error::custom("it is nested too deeply"));
        }
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let fields = fields(raw)?.into_iter();
                let fields = fields.map(|(name, value)| Ok((name, Self::of(value, depth + 1)?)));
                Self::Object(fields.collect::<Result<_, serde_json::Error>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let items = items.into_iter().map(|item| Self::of(item, depth + 1));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::Text(serde_json::from_str(text)?),
            _ => Self::Other(text.to_owned()),
        })
    }

    /// Hides the values of secret names. Returns how many.
    pub(crate) fn redact(&mut self, patterns: &Patterns) -> usize {
        match self {
            Self::Object(fields) => {
                let values = fields.iter_mut().map(|(name, value)| {
                    if patterns.has(name) {
                        *value = Self::Text(REDACTED.to_owned());
                        return 1;
                    }
                    value.redact(patterns)
                });
                values.sum()
            }
            Self::Array(items) => items.iter_mut().map(|item| item.redact(patterns)).sum(),
            Self::Text(text) => usize::from(text == REDACTED),
            Self::Other(_) => 0,
        }
    }

    /// Puts back what was hidden, from the original at the same place. Fails with the first place
    /// that the original does not have, or where the API itself hides the value.
    pub(crate) fn restore(&mut self, original: Option<&Self>, place: &str) -> Result<(), String> {
        match self {
            Self::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| {
                let before = match original {
                    Some(Self::Object(fields)) => fields.iter().find(|(other, _)| other == name),
                    _ => None,
                };
                let place = format!("{place}.{name}");
                value.restore(before.map(|(_, value)| value), &place)
            }),
            Self::Array(items) => items.iter_mut().enumerate().try_for_each(|(i, item)| {
                let before = match original {
                    Some(Self::Array(items)) => items.get(i),
                    _ => None,
                };
                item.restore(before, &format!("{place}[{i}]"))
            }),
            Self::Text(text) if text == REDACTED => match original {
                Some(before) if *before != Self::Text(REDACTED.to_owned()) => {
                    *self = before.clone();
                    Ok(())
                }
                _ => Err(place.to_owned()),
            },
            Self::Text(_) | Self::Other(_) => Ok(()),
        }
    }

    fn write(&self, to: &mut String, indent: Option<usize>) {
        let line = |to: &mut String, indent: Option<usize>| {
            if let Some(indent) = indent {
                to.push('\n');
                to.extend(std::iter::repeat_n("  ", indent));
            }
        };
        let deeper = indent.map(|indent| indent + 1);
        let (open, close) = match self {
            Self::Object(fields) if !fields.is_empty() => ('{', '}'),
            Self::Array(items) if !items.is_empty() => ('[', ']'),
            other => return to.push_str(&other.to_string()),
        };
        to.push(open);
        let mut first = true;
        let mut part = |to: &mut String, name: Option<&str>, value: &Self| {
            if !std::mem::take(&mut first) {
                to.push(',');
            }
            line(to, deeper);
            if let Some(name) = name {
                to.push_str(&quote(name));
                to.push(':');
                to.push_str(if indent.is_some() { " " } else { "" });
            }
            value.write(to, deeper);
        };
        match self {
            Self::Object(fields) => fields
                .iter()
                .for_each(|(name, value)| part(to, Some(name), value)),
            Self::Array(items) => items.iter().for_each(|item| part(to, None, item)),
            _ => {}
        }
        line(to, indent);
        to.push(close);
    }

    /// The value in one line.
    pub(crate) fn compact(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, None);
        text
    }

    /// The value in lines.
    pub(crate) fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, Some(0));
        text
    }
}

/// Values without parts.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(_) => f.write_str("{}"),
            Self::Array(_) => f.write_str("[]"),
            Self::Text(text) => f.write_str(&quote(text)),
            Self::Other(text) => f.write_str(text),
        }
    }
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// An object's fields in their order.
fn fields(raw: &RawValue) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    struct All;

    impl<'de> Visitor<'de> for All {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(fields)
        }
    }

    serde_json::Deserializer::from_str(raw.get()).deserialize_map(All)
}

/// A value as a page shows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub text: String,
    /// So many values are hidden.
    pub redacted: usize,
    /// So many bytes are left out at the end.
    pub left_out: usize,
}

impl Shown {
    /// A value in lines, of a bounded length.
    pub(crate) fn of(raw: &RawValue, patterns: &Patterns) -> Self {
        let mut json = match Json::of(raw, 0) {
            Ok(json) => json,
            Err(e) => Json::Text(format!("can't be shown: {e}")),
        };
        let redacted = json.redact(patterns);
        let mut text = json.pretty();
        let left_out = cut(&mut text, SHOWN_MAX);
        Self {
            text,
            redacted,
            left_out,
        }
    }
}

/// A value in one line of so many bytes at most.
pub(crate) fn line(raw: &RawValue, patterns: &Patterns, max: usize) -> String {
    let Ok(mut json) = Json::of(raw, 0) else {
        return String::new();
    };
    json.redact(patterns);
    let mut text = json.compact();
    if cut(&mut text, max) > 0 {
        text.push('…');
    }
    text
}

/// Cuts a text to so many bytes at most, between characters. Returns how many are left out.
pub(crate) fn cut(text: &mut String, max: usize) -> usize {
    let before = text.len();
    if before > max {
        text.truncate(text.floor_char_boundary(max));
    }
    before - text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect(text)
    }

    fn patterns(text: &str) -> Patterns {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn secret_names_are_hidden_at_any_depth_and_all_else_is_as_written() {
        let text = r#"{"n":123456789012345678901.50,"Api_Token":"s3cret","a":[{"PASSWORD":{"x":"s3cret"}}],"e":{},"t":"a\"b"}"#;
        let shown = Shown::of(&raw(text), &patterns("*password*, *token*"));
        assert_eq!(
            shown.text,
            "{\n  \"n\": 123456789012345678901.50,\n  \"Api_Token\": \"[redacted]\",\n  \"a\": [\n    {\n      \
             \"PASSWORD\": \"[redacted]\"\n    }\n  ],\n  \"e\": {},\n  \"t\": \"a\\\"b\"\n}"
        );
        assert_eq!((shown.redacted, shown.left_out), (2, 0));
        let json = Json::read(text).expect(text);
        assert_eq!(json.compact(), text);
        assert_eq!(
            line(&raw(r#"{"token":1,"b":2}"#), &patterns("token"), 14),
            r#"{"token":"[red…"#
        );
    }

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expected) in [
            ("*token*", "token", true),
            ("*token*", "my_token_1", true),
            ("authorization", "Authorization", true),
            ("authorization", "x-authorization", false),
            ("a*c", "abc", true),
            ("a*c", "acb", false),
            ("a*b*c", "a-c-b-c", true),
            ("*", "anything", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(patterns(pattern).has(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_was_hidden_is_put_back() {
        let original = Json::read(r#"{"a":{"password":"p"},"l":[{"token":1}],"h":"[redacted]"}"#)
            .expect("JSON");
        let mut sent =
            Json::read(r#"{"a":{"password":"[redacted]","b":2},"l":[{"token":"[redacted]"}]}"#)
                .expect("JSON");
        assert_eq!(sent.restore(Some(&original), "args"), Ok(()));
        assert_eq!(
            sent.compact(),
            r#"{"a":{"password":"p","b":2},"l":[{"token":1}]}"#
        );
        for (lost, place) in [
            (r#"{"h":"[redacted]"}"#, "args.h"),
            (r#"{"l":[0,{"token":"[redacted]"}]}"#, "args.l[1].token"),
        ] {
            let mut lost = Json::read(lost).expect("JSON");
            assert_eq!(lost.restore(Some(&original), "args"), Err(place.to_owned()));
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let shown = Shown::of(
            &raw(&format!("\"{}\"", "é".repeat(SHOWN_MAX))),
            &Patterns::default(),
        );
        assert!(shown.text.len() <= SHOWN_MAX && shown.left_out > SHOWN_MAX / 2);
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        assert!(Json::read(&deep).is_err());
        assert!(Json::read("{").is_err());
    }
}
