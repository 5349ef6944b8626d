//! HTTP requests from outside callers, checked before they are sent.

use crate::explain::not_one_of;
use crate::{Duration, FieldError, Names, check_url, named};
use handoff_queue::Json;
use serde::Deserialize;
use std::fmt;

/// The kind of tasks that send a call.
pub const HTTP_REQUEST: &str = "http.request";

/// The allowed methods.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The largest number of headers, and of the bytes of their names and values together. A host has
/// its own limit and ends an instance that exceeds it: wasmtime's is 128 KiB, with some 70 bytes
/// more per header. Most receivers take 100 headers and 16 KiB. A trace and a content type are
/// added to these.
const HEADERS_MAX: usize = 100;
const HEADERS_MAX_BYTES: usize = 16 * 1024;

/// Headers that belong to the connection, not to the caller. Hosts refuse most of them.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of Handoff's own calls begin so.
const OWN: &str = "handoff-";

/// Replaces the secret value of a header.
pub const REDACTED: &str = "[redacted]";

/// Whether a header with this name has a secret value.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let exactly = [
        "authorization",
        "cookie",
        "set-cookie",
        "api-key",
        "apikey",
        "x-api-key",
    ];
    let begins = ["proxy-", "x-auth"];
    let holds = ["token", "secret", "password", "signature"];
    exactly.contains(&name.as_str())
        || begins.iter().any(|part| name.starts_with(part))
        || holds.iter().any(|part| name.contains(part))
}

/// A request in JSON: `{"url": "…", "method": "POST", "headers": {…}, "body": …, "timeout": "5s"}`.
/// Only the URL is required.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRequest {
    url: String,
    method: Option<String>,
    headers: Option<Names<String, HEADERS_MAX>>,
    /// Text is sent as it is, anything else as JSON.
    body: Option<Json>,
    timeout: Option<Duration>,
}

/// A request to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `POST` …
    pub method: String,
    /// An absolute http or https URL. `http://NAME.spin.internal/…` is another component of the
    /// application.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The longest time for head and body of the answer together, in milliseconds.
    pub timeout_ms: u64,
    /// The head of a 2xx answer is enough, so its body is not read.
    pub head_only: bool,
}

/// The timeout of a call that names none, in milliseconds.
const CALL_TIMEOUT_MS: u64 = 30_000;

impl Call {
    /// A request without headers and body. Its answer has 30 s; a task's timeout ends it sooner.
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: CALL_TIMEOUT_MS,
            head_only: false,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends a value as JSON.
    #[must_use]
    pub fn json(self, value: impl Into<Json>) -> Self {
        let body = value.into().as_str().as_bytes().to_vec();
        Self { body, ..self }.header("content-type", "application/json")
    }

    /// The longest time for head and body of the answer together, in milliseconds.
    #[must_use]
    pub fn timeout_ms(self, timeout_ms: u64) -> Self {
        Self { timeout_ms, ..self }
    }
}

/// The reason why a call got no usable answer, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The host does not allow it, or the answer is too large. A repetition would fail too.
    Refused(String),
    /// The receiver was not reached, or its answer was not complete in time.
    Unanswered(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(reason) | Self::Unanswered(reason)) = self;
        f.write_str(reason)
    }
}

impl CallRequest {
    /// The timeout of the request, if it has one.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Checks everything that can be known before the request is sent: a host can send every
    /// accepted request.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    pub fn check(&self) -> Result<(), FieldError> {
        check_url(&self.url).map_err(|reason| FieldError::new("url", reason))?;
        if let Some(method) = &self.method
            && !METHODS.contains(&method.as_str())
        {
            let reason = not_one_of(method, METHODS.into_iter());
            return Err(FieldError::new("method", reason));
        }
        let headers = self
            .headers
            .as_ref()
            .map_or(&[][..], |Names(headers)| headers);
        let bytes: usize = headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > HEADERS_MAX_BYTES {
            let reason =
                format!("they have {bytes} bytes together; at most {HEADERS_MAX_BYTES} are sent");
            return Err(FieldError::new("headers", reason));
        }
        for (i, (name, value)) in headers.iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            let reason = if RESERVED.contains(&lower.as_str()) {
                "it belongs to the connection, which the host makes: leave it out"
            } else if lower.starts_with(OWN) {
                "by such headers handlers know that Handoff calls them: leave it out"
            } else if name.parse::<http::HeaderName>().is_err() {
                "it is not a header's name, which is made of letters, digits and -"
            } else if value.chars().any(|c| c.is_control() && c != '\t')
                || value.parse::<http::HeaderValue>().is_err()
            {
                "its value has a control character, such as the end of a line"
            } else if value == REDACTED && is_secret_header(name) {
                "it is what is shown in place of a secret: give the secret itself"
            } else if headers[..i]
                .iter()
                .any(|(other, _)| other.eq_ignore_ascii_case(name))
            {
                "it is there twice: upper and lower case are the same"
            } else {
                continue;
            };
            return Err(FieldError::new(&format!("headers.{}", named(name)), reason));
        }
        if let Some(flaw) = self.body.as_ref().and_then(Json::flaw) {
            return Err(FieldError::new("body", format!("it is {flaw}")));
        }
        Ok(())
    }

    /// Makes the request to send. Without a method it is GET, or POST if it has a body.
    pub fn into_call(self, timeout_ms: u64) -> Call {
        let Names(mut headers) = self.headers.unwrap_or_default();
        let typed = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let default_method = if self.body.is_none() { "GET" } else { "POST" };
        let text = self.body.as_ref().map(Json::read::<String>);
        let body = match (text, &self.body) {
            (Some(Ok(text)), _) => text.into_bytes(),
            (_, None) => Vec::new(),
            (_, Some(json)) => {
                if !typed {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                json.as_str().as_bytes().to_vec()
            }
        };
        Call {
            method: self.method.unwrap_or_else(|| default_method.to_owned()),
            url: self.url,
            headers,
            body,
            timeout_ms,
            head_only: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_json;
    use serde_json::{Value, json};

    fn read(request: &Value) -> Result<CallRequest, FieldError> {
        from_json(&request.clone().into())
    }

    /// A request, and the field that is refused.
    type Row = (Value, Option<&'static str>);

    fn urls_and_methods() -> Vec<Row> {
        vec![
            (json!({"url": "http://x/"}), None),
            (
                json!({"url": "https://x:8443/a?b", "method": "PATCH"}),
                None,
            ),
            (
                json!({"url": "http://x/", "method": null, "headers": null, "body": null, "timeout": null}),
                None,
            ),
            (json!({"url": "http://handoff.spin.internal/healthz"}), None),
            (json!({"url": "/a"}), Some("url")),
            (json!({"url": "http://x/", "method": "G T"}), Some("method")),
            (json!({"url": "http://x/", "method": "get"}), Some("method")),
            (
                json!({"url": "http://x/", "method": "PURGE"}),
                Some("method"),
            ),
            (
                json!({"url": "http://x/", "method": "TRACE"}),
                Some("method"),
            ),
            (
                json!({"url": "http://x/", "method": "CONNECT"}),
                Some("method"),
            ),
        ]
    }

    fn headers() -> Vec<Row> {
        let many = |count: usize, bytes: usize| {
            let headers = (0..count).map(|i| (format!("h{i:04}"), json!("x".repeat(bytes))));
            Value::Object(headers.collect())
        };
        let with = |name: &str, value: &str| json!({"url": "http://x/", "headers": {name: value}});
        vec![
            (with("x-a", "b"), None),
            (with("Host", "y"), Some("headers.Host")),
            (
                with("Proxy-Authorization", "y"),
                Some("headers.Proxy-Authorization"),
            ),
            (
                with("Transfer-Encoding", "y"),
                Some("headers.Transfer-Encoding"),
            ),
            (
                with("Handoff-Protocol", "1"),
                Some("headers.Handoff-Protocol"),
            ),
            (with("a b", "y"), Some("headers.a b")),
            (with("", "y"), Some("headers.")),
            (with("x-a", "b\r\nx-c: d"), Some("headers.x-a")),
            (with("x-a", "\u{9b}"), Some("headers.x-a")),
            (
                json!({"url": "http://x/", "headers": {"x-a": "1", "X-A": "2"}}),
                Some("headers.x-a"),
            ),
            (
                json!({"url": "http://x/", "headers": {"x-a": 1}}),
                Some("headers.x-a"),
            ),
            (
                json!({"url": "http://x/", "headers": {"x-a": null}}),
                Some("headers.x-a"),
            ),
            (json!({"url": "http://x/", "headers": many(100, 100)}), None),
            (
                json!({"url": "http://x/", "headers": many(101, 1)}),
                Some("headers"),
            ),
            (
                json!({"url": "http://x/", "headers": many(1_200, 100)}),
                Some("headers"),
            ),
            (
                json!({"url": "http://x/", "headers": many(2, 8_190)}),
                Some("headers"),
            ),
            (json!({"url": "http://x/", "headers": many(2, 8_180)}), None),
            (
                json!({"url": "http://x/", "headers": ["a"]}),
                Some("headers"),
            ),
        ]
    }

    fn bodies() -> Vec<Row> {
        let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        vec![
            (json!({"url": "http://x/", "body": deep(65)}), Some("body")),
            (json!({"url": "http://x/", "body": deep(64)}), None),
        ]
    }

    #[test]
    fn what_may_not_be_sent_is_named() {
        for (request, field) in [urls_and_methods(), headers(), bodies()].concat() {
            let checked = read(&request).and_then(|call| call.check());
            let found = checked.err().and_then(|e| e.field);
            assert_eq!(found.as_deref(), field, "{request}");
        }
    }

    #[test]
    fn a_body_decides_what_is_not_said() {
        let call = |request| read(&request).map(|r| r.into_call(1));
        let get = call(json!({"url": "http://x/"})).expect("valid");
        assert_eq!((get.method.as_str(), get.body.len()), ("GET", 0));
        let text = call(json!({"url": "http://x/", "body": "a=b"})).expect("valid");
        assert_eq!(
            (text.method.as_str(), text.body.as_slice()),
            ("POST", &b"a=b"[..])
        );
        assert!(text.headers.is_empty());
        let json =
            json!({"url": "http://x/", "body": {"a": 1}, "method": "PUT", "headers": {"x": "y"}});
        let json = call(json).expect("valid");
        assert_eq!(
            (json.method.as_str(), json.body.as_slice()),
            ("PUT", &br#"{"a":1}"#[..])
        );
        let kind = ("content-type".to_owned(), "application/json".to_owned());
        assert_eq!(json.headers, [("x".to_owned(), "y".to_owned()), kind]);
    }
}
