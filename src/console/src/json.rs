//! JSON of users, as it is shown: laid out, and without the values of names that are secret.
//! Numbers stay as they were written.

use handoff_wire::{REDACTED, fits, items, object_fields};
use serde::de::Error;
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
                let fields = object_fields(raw)?.into_iter();
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

    /// Whether the original may have been shown as this value: all that is not hidden is equal.
    fn shows(&self, original: &Self) -> bool {
        match (self, original) {
            (Self::Text(text), _) if text == REDACTED => true,
            (Self::Object(fields), Self::Object(before)) => {
                fields.len() == before.len()
                    && fields
                        .iter()
                        .zip(before)
                        .all(|((name, value), (known, before))| {
                            name == known && value.shows(before)
                        })
            }
            (Self::Array(items), Self::Array(before)) => {
                items.len() == before.len()
                    && items
                        .iter()
                        .zip(before)
                        .all(|(item, before)| item.shows(before))
            }
            (value, before) => value == before,
        }
    }

    /// Puts back hidden values, each from the same place of the original. An item of a list has no
    /// name, so its place counts only while the list is as long and the item's visible part is the
    /// same.
    ///
    /// # Errors
    /// The first hidden value that is not known.
    pub(crate) fn restore(&mut self, original: Option<&Self>, place: &str) -> Result<(), Unknown> {
        match self {
            Self::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| {
                let before = match original {
                    Some(Self::Object(fields)) => fields.iter().find(|(other, _)| other == name),
                    _ => None,
                };
                let place = format!("{place}.{name}");
                value.restore(before.map(|(_, value)| value), &place)
            }),
            Self::Array(items) => {
                let list = match original {
                    Some(Self::Array(list)) => Some(list),
                    _ => None,
                };
                let same = list.filter(|list| list.len() == items.len());
                items.iter_mut().enumerate().try_for_each(|(i, item)| {
                    let before = same.and_then(|list| list.get(i));
                    let before = before.filter(|before| item.shows(before));
                    let restored = item.restore(before, &format!("{place}[{i}]"));
                    let is_changed = list.is_some() && before.is_none();
                    restored.map_err(|unknown| Unknown {
                        in_changed_list: unknown.in_changed_list || is_changed,
                        ..unknown
                    })
                })
            }
            Self::Text(text) if text == REDACTED => match original {
                Some(before) if *before != Self::Text(REDACTED.to_owned()) => {
                    *self = before.clone();
                    Ok(())
                }
                _ => Err(Unknown {
                    place: place.to_owned(),
                    in_changed_list: false,
                }),
            },
            Self::Text(_) | Self::Other(_) => Ok(()),
        }
    }

    /// Whether the API itself hides a value here.
    pub(crate) fn has_hidden(&self) -> bool {
        match self {
            Self::Object(fields) => fields.iter().any(|(_, value)| value.has_hidden()),
            Self::Array(items) => items.iter().any(Self::has_hidden),
            Self::Text(text) => text == REDACTED,
            Self::Other(_) => false,
        }
    }

    /// Writes the value, and stops soon after `max` bytes.
    fn write(&self, to: &mut String, indent: Option<usize>, max: usize) {
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
        // Returns whether there is room for more.
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
            value.write(to, deeper, max);
            to.len() <= max
        };
        let is_whole = match self {
            Self::Object(fields) => fields
                .iter()
                .all(|(name, value)| part(to, Some(name), value)),
            Self::Array(items) => items.iter().all(|item| part(to, None, item)),
            _ => true,
        };
        if is_whole {
            line(to, indent);
            to.push(close);
        }
    }

    /// The begin of the value in lines or in one line, and whether that is not all.
    fn begin(&self, indent: Option<usize>, max: usize) -> (String, bool) {
        let mut text = String::new();
        self.write(&mut text, indent, max);
        let is_cut = cut(&mut text, max) > 0;
        (text, is_cut)
    }

    /// The value in one line.
    pub(crate) fn compact(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, None, usize::MAX);
        text
    }

    /// The value in lines.
    pub(crate) fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, Some(0), usize::MAX);
        text
    }
}

/// A hidden value that the console does not know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    place: String,
    /// Its list was changed.
    in_changed_list: bool,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        if self.in_changed_list {
            return write!(
                f,
                "The list of {place} was changed, so the console can't tell which hidden value belongs there. \
                 Write the value in place of [redacted]."
            );
        }
        write!(
            f,
            "The value of {place} is [redacted], and the console does not know it. Write the value."
        )
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

/// A value as a page shows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub text: String,
    /// So many values are hidden.
    pub redacted: usize,
    /// The end is left out.
    pub is_cut: bool,
}

impl Shown {
    /// A value in lines, of a bounded length.
    pub(crate) fn of(raw: &RawValue, patterns: &Patterns) -> Self {
        let mut json = match Json::of(raw, 0) {
            Ok(json) => json,
            Err(e) => Json::Text(format!("can't be shown: {e}")),
        };
        let redacted = json.redact(patterns);
        let (text, is_cut) = json.begin(Some(0), SHOWN_MAX);
        Self {
            text,
            redacted,
            is_cut,
        }
    }
}

/// A value in one line of so many bytes at most.
pub(crate) fn line(raw: &RawValue, patterns: &Patterns, max: usize) -> String {
    let Ok(mut json) = Json::of(raw, 0) else {
        return String::new();
    };
    json.redact(patterns);
    let (mut text, is_cut) = json.begin(None, max);
    if is_cut {
        text.push('…');
    }
    text
}

/// A value in one line, if it has so many bytes at most and nothing of it is hidden.
pub(crate) fn whole(raw: &RawValue, patterns: &Patterns, max: usize) -> Option<String> {
    let mut json = Json::of(raw, 0).ok()?;
    if json.redact(patterns) > 0 {
        return None;
    }
    let (text, is_cut) = json.begin(None, max);
    (!is_cut).then_some(text)
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
mod tests;
