//! Types of fields. `null` means that a field is missing: each field is an `Option` in its request.

use crate::explain::not_one_of;
use crate::near::list;
use handoff_queue::{Missed, OnFailure, Overlap, Priority};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// Reads a field that is written as text. `expected` describes it, with an example.
///
/// # Errors
/// If it is no text, or has another form.
pub(crate) fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    deserializer: D,
    expected: &'static str,
) -> Result<T, D::Error> {
    struct Text<T>(&'static str, PhantomData<T>);

    impl<T: FromStr<Err = String>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(expected, PhantomData))
}

/// A field that is one of a few words.
pub trait Words: Copy + 'static {
    /// The words with their values.
    const ALL: &'static [(&'static str, Self)];
}

impl Words for Priority {
    const ALL: &'static [(&'static str, Self)] = &[
        ("high", Self::High),
        ("normal", Self::Normal),
        ("low", Self::Low),
    ];
}

impl Words for Overlap {
    const ALL: &'static [(&'static str, Self)] = &[("queue", Self::Queue), ("skip", Self::Skip)];
}

impl Words for Missed {
    const ALL: &'static [(&'static str, Self)] = &[
        ("skip", Self::Skip),
        ("latest", Self::Latest),
        ("all", Self::All),
    ];
}

impl Words for OnFailure {
    const ALL: &'static [(&'static str, Self)] = &[("fail", Self::Fail), ("wait", Self::Wait)];
}

/// One of a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOf<T>(PhantomData<T>);

        impl<T: Words> Visitor<'_> for OneOf<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "one of {}", list(T::ALL.iter().map(|(word, _)| *word)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                let found = T::ALL.iter().find(|(word, _)| *word == text);
                found.map(|(_, value)| *value).ok_or_else(|| {
                    let words = T::ALL.iter().map(|(word, _)| *word);
                    E::custom(not_one_of(text, words))
                })
            }
        }

        deserializer.deserialize_str(OneOf(PhantomData)).map(Self)
    }
}

/// A list that keeps `MAX` items and counts all. So a longer list takes no more memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MAX: usize> {
    /// The first items.
    pub items: Vec<T>,
    /// The number of all items.
    pub count: usize,
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
            type Value = List<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() < MAX {
                    match seq.next_element()? {
                        Some(item) => items.push(item),
                        None => break,
                    }
                }
                let mut count = items.len();
                while count >= MAX && seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(List { items, count })
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// An object with names of the caller's choice, at most `MAX`, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names<T, const MAX: usize>(pub Vec<(String, T)>);

impl<T, const MAX: usize> Default for Names<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Names<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Entries<T, MAX> {
            type Value = Names<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if entries.iter().any(|(other, _)| *other == name) {
                        let name = crate::quoted(&name);
                        let reason = format!("{name} is there twice");
                        return Err(A::Error::custom(reason));
                    }
                    if entries.len() == MAX {
                        let reason = format!("it has more than {MAX} names");
                        return Err(A::Error::custom(reason));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Names(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// A read-only field: `GET` shows it, and a request may repeat it without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnly;

impl<'de> Deserialize<'de> for ReadOnly {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_slice;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Request {
        priority: Option<Word<Priority>>,
        list: Option<List<u32, 2>>,
        names: Option<Names<u32, 2>>,
        count: Option<u32>,
        on: Option<bool>,
        text: Option<String>,
    }

    fn error(json: &str) -> String {
        from_slice::<Request>(json.as_bytes())
            .expect_err(json)
            .to_string()
    }

    /// Rows: a document, and its error.
    #[test]
    fn errors_say_what_is_needed() {
        let words = "one of \"high\", \"normal\" and \"low\"";
        let table = [
            (r#"{"priority":1}"#, format!("priority: it must be {words}, not 1")),
            (r#"{"priority":{"high":null}}"#, format!("priority: it must be {words}, not an object")),
            (r#"{"priority":"hihg"}"#, format!("priority: \"hihg\" is not {words}; did you mean \"high\"?")),
            (r#"{"list":{}}"#, "list: it must be a list, not an object".into()),
            (r#"{"list":[1,"b"]}"#, "list[1]: it must be a whole number from 0 to 4294967295, not \"b\"".into()),
            (r#"{"names":{"a":1,"b":2,"a":3}}"#, "names: \"a\" is there twice".into()),
            (r#"{"names":{"a":1,"b":2,"c":3}}"#, "names: it has more than 2 names".into()),
            (r#"{"names":{"a":null}}"#, "names.a: it is missing: it must be a whole number from 0 to 4294967295".into()),
            (r#"{"count":-1}"#, "count: it must be a whole number from 0 to 4294967295, not -1".into()),
            (r#"{"count":1.0}"#, "count: it must be a whole number from 0 to 4294967295, not 1.0".into()),
            (r#"{"on":"true"}"#, "on: it must be true or false, not \"true\"".into()),
            (r#"{"text":[]}"#, "text: it must be text, not a list".into()),
            (r#"{"text":"\ud800"}"#, "text: it is no Unicode text: \\ud800 is half of a surrogate pair".into()),
            (r#"{"text":"a","text":"b"}"#, "text: it is there twice".into()),
            (r#"{"txt":1}"#, "txt: there is no such field; did you mean \"text\"? Known are \"priority\", \"list\", \"names\", \"count\", \"on\" and \"text\"".into()),
            ("{\"count\":1", "this is not JSON: it ends too early at line 1, column 10".into()),
            ("{\"count\":1}}", "this is not JSON: something follows the JSON value at line 1, column 12".into()),
            ("{'count':1}", "this is not JSON: a name must be in double quotes at line 1, column 2".into()),
            ("[]", "it must be a JSON object, not a list".into()),
        ];
        for (json, expected) in table {
            assert_eq!(error(json), expected, "{json}");
        }
    }

    #[test]
    fn null_is_not_given() {
        let json =
            br#"{"priority":null,"list":null,"names":null,"count":null,"on":null,"text":null}"#;
        let request: Request = from_slice(json).expect("nothing is given");
        assert!(request.priority.is_none() && request.names.is_none());
    }

    #[test]
    fn what_is_too_much_is_counted_and_not_kept() {
        let json = format!("{{\"list\":[{}1]}}", "1,".repeat(99_999));
        let request: Request = from_slice(json.as_bytes()).expect("it is a list");
        let list = request.list.expect("it is given");
        assert_eq!((list.items.len(), list.count), (2, 100_000));
    }

    #[test]
    fn no_error_is_long_or_has_what_cannot_be_seen() {
        let long = "x\u{1b}\u{9b}".replace('\u{1b}', "\\u001b").repeat(100_000);
        for json in [
            format!("{{\"{long}\":1}}"),
            format!("{{\"count\":\"{long}\"}}"),
            format!("{{\"priority\":\"{long}\"}}"),
            format!("{{\"names\":{{\"{long}\":\"{long}\"}}}}"),
            format!("{{\"names\":{{\"{long}\":1,\"{long}\":1}}}}"),
        ] {
            let error = error(&json);
            assert!(error.len() < 1_500, "{}", error.len());
            assert!(!error.contains(char::is_control), "{error}");
        }
    }
}
