//! A request's path and query.

use crate::{FieldError, named, quoted};

/// A request's path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path: String,
    query: String,
}

impl Target {
    /// Splits `/path?query`.
    pub fn new(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        Self {
            path: path.to_owned(),
            query: query.to_owned(),
        }
    }

    /// Leaves out what comes before `below`, which is the end of the path and begins with a slash.
    /// Returns what it left out, unless that is nothing.
    pub fn enter(&mut self, below: &str) -> Option<String> {
        let base = self.path.strip_suffix(below)?;
        if !below.starts_with('/') || !is_base(base) {
            return None;
        }
        let base = base.to_owned();
        self.path.drain(..base.len());
        Some(base)
    }

    /// The path, as sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Splits the path into segments, and decodes percent-encoding afterwards: `%2F` separates
    /// nothing.
    ///
    /// # Errors
    /// If an encoding can't be read.
    pub fn segments(&self) -> Result<Vec<String>, FieldError> {
        let segments = self.path.strip_prefix('/').unwrap_or(&self.path).split('/');
        let decoded = segments.map(decode).collect::<Result<_, _>>();
        decoded.map_err(|reason| FieldError::new_at(None, format!("the path {reason}")))
    }

    /// Decodes the query's parameters like a form's: a plus is a space.
    ///
    /// # Errors
    /// If an encoding can't be read, or a parameter occurs twice.
    pub fn query(&self) -> Result<Vec<(String, String)>, FieldError> {
        let parts = self.query.split('&').filter(|part| !part.is_empty());
        let mut parameters: Vec<(String, String)> = Vec::new();
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let read = |text: &str| {
                let decoded = decode(&text.replace('+', " "));
                decoded.map_err(|reason| FieldError::new(&named(name), reason))
            };
            let (name, value) = (read(name)?, read(value)?);
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(FieldError::new(&named(&name), "it is there twice"));
            }
            parameters.push((name, value));
        }
        Ok(parameters)
    }
}

/// The longest path before a path of the application, in bytes.
const BASE_MAX_BYTES: usize = 1_000;

/// Whether a text can be put before a path of the application: it is such a path itself, so no
/// reader takes the result for another host's.
pub fn is_base(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~%/:".contains(&b);
    text.starts_with('/')
        && !text.ends_with('/')
        && !text.contains("//")
        && text.len() <= BASE_MAX_BYTES
        && text.bytes().all(fits)
}

/// Encodes text for a query.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Decodes percent-encoding.
///
/// # Errors
/// If an encoding can't be read. The text follows the name of the part.
pub(crate) fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some(digit(digits[0])? * 16 + digit(digits[1])?)
        });
        let Some(decoded) = digits else {
            let wrong = String::from_utf8_lossy(&rest[..rest.len().min(2)]);
            return Err(format!(
                "has {}, which is no percent-encoding: two hexadecimal digits follow a %, and %25 is a % itself",
                quoted(&format!("%{wrong}"))
            ));
        };
        bytes.push(decoded as u8);
        rest = &rest[2..];
    }
    String::from_utf8(bytes)
        .map_err(|_| "is not UTF-8 when its percent-encoding is decoded".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let text = "a b&c=d/é%+?\u{1}";
        assert_eq!(encode(text), "a%20b%26c%3Dd%2F%C3%A9%25%2B%3F%01");
        assert_eq!(decode(&encode(text)).as_deref(), Ok(text));
    }

    #[test]
    fn the_base_of_a_mounted_application_is_left_out() {
        for (path, below, base, inner) in [
            (
                "/handoff/v1/tasks?a=b",
                "/v1/tasks",
                Some("/handoff"),
                "/v1/tasks",
            ),
            ("/a/b/v1/tasks/", "/v1/tasks/", Some("/a/b"), "/v1/tasks/"),
            ("/x/x", "/x", Some("/x"), "/x"),
            // Under "/..." there is nothing before, and under an exact route nothing behind.
            ("/v1/tasks", "/v1/tasks", None, "/v1/tasks"),
            ("/ping", "", None, "/ping"),
            ("/handoff", "", None, "/handoff"),
            // None of these is from a host.
            ("/v1/tasks", "tasks", None, "/v1/tasks"),
            ("/v1/tasks", "/other", None, "/v1/tasks"),
            ("//evil.example/v1", "/v1", None, "//evil.example/v1"),
            ("/a//b/v1", "/v1", None, "/a//b/v1"),
            ("/a\\b/v1", "/v1", None, "/a\\b/v1"),
        ] {
            let mut target = Target::new(path);
            assert_eq!(target.enter(below).as_deref(), base, "{path} {below}");
            assert_eq!(target.path(), inner, "{path} {below}");
        }
    }

    #[test]
    fn segments_are_decoded_after_the_path_is_split() {
        let table: [(&str, &[&str]); 10] = [
            ("/", &[""]),
            ("/v1/tasks", &["v1", "tasks"]),
            ("/v1/tasks%3Abatch?x=%", &["v1", "tasks:batch"]),
            ("/v1/%74asks/a%2Db%2db", &["v1", "tasks", "a-b-b"]),
            ("/a%2Fb", &["a/b"]),
            ("/a%00", &["a\0"]),
            ("/a+b%20c", &["a+b c"]),
            ("/%C3%A4", &["ä"]),
            ("//a/", &["", "a", ""]),
            ("/a/../b/.", &["a", "..", "b", "."]),
        ];
        for (path, segments) in table {
            let found = Target::new(path).segments().expect(path);
            assert_eq!(found, segments, "{path}");
        }
    }

    #[test]
    fn queries_are_decoded_as_forms_are() {
        let table: [(&str, &[(&str, &str)]); 6] = [
            ("/", &[]),
            ("/?", &[]),
            ("/?wait=2h%2030m&&x", &[("wait", "2h 30m"), ("x", "")]),
            ("/?wait=2h+30m", &[("wait", "2h 30m")]),
            ("/?w%61it=1%2B1", &[("wait", "1+1")]),
            ("/?a=b=c?d", &[("a", "b=c?d")]),
        ];
        for (text, parameters) in table {
            let found = Target::new(text).query().expect(text);
            let found: Vec<_> = found
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            assert_eq!(found, parameters, "{text}");
        }
    }

    #[test]
    fn a_parameter_is_there_once() {
        let e = Target::new("/?a=1&b=2&%61=1").query().expect_err("twice");
        assert_eq!(e.field.as_deref(), Some("a"));
    }

    #[test]
    fn what_is_no_encoding_is_named() {
        for (path, shown) in [
            ("/a%", "\"%\""),
            ("/a%2", "\"%2\""),
            ("/%zz", "\"%zz\""),
            ("/%+1", "\"%+1\""),
            ("/%u0041", "\"%u0\""),
            ("/%ä", "%"),
            ("/%ff", "UTF-8"),
            ("/%C3/%A4", "UTF-8"),
        ] {
            let e = Target::new(path).segments().expect_err(path);
            assert!(e.to_string().contains(shown), "{path}: {e}");
            let query = format!("/?wait={}", &path[1..]);
            let e = Target::new(&query).query().expect_err(path);
            assert_eq!(e.field.as_deref(), Some("wait"), "{query}");
            assert!(
                e.to_string().contains(shown) || path.contains('/'),
                "{query}: {e}"
            );
        }
    }
}
