//! HTTP requests that somebody outside asks for, checked before they are sent.

use crate::{Duration, FieldError};
use handoff_queue::Json;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// Where the application's worker is reached by service chaining. Nobody outside may have it called.
pub const WORKER_HOST: &str = "worker.spin.internal";

/// Headers that belong to the connection, not to the caller.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request as it is described in JSON: `{"url": "…", "method": "POST", "headers": {…}, "body": …, "timeout": "5s"}`.
/// Only the URL is needed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRequest {
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Text is sent as it is, anything else as JSON.
    #[serde(default)]
    body: Json,
    timeout: Option<Duration>,
}

/// A request to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `POST` …
    pub method: String,
    /// An absolute http or https URL; `http://NAME.spin.internal/…` is another component of the application.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long head and body of the answer may take together, in milliseconds.
    pub timeout_ms: u64,
    /// The head of a 2xx answer is enough: its body is not read.
    pub head_only: bool,
}

/// The whole answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a call got no answer that can be used, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The host does not allow it, or the answer is more than is taken: the same again would fare no better.
    Refused(String),
    /// Nobody was reached, or there was no whole answer in time.
    Unanswered(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(reason) | Self::Unanswered(reason)) = self;
        f.write_str(reason)
    }
}

impl CallRequest {
    /// The timeout that was asked for.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Checks what can be known before it is sent.
    ///
    /// # Errors
    /// If the URL is not absolute or is the application's own worker, or the method or a header is malformed, or a
    /// header is the connection's own.
    pub fn check(&self) -> Result<(), FieldError> {
        check_url(&self.url).map_err(|reason| FieldError::new("url", reason))?;
        if let Some(method) = &self.method
            && method.parse::<http::Method>().is_err()
        {
            let reason = format!("{method:?} is not an HTTP method");
            return Err(FieldError::new("method", reason));
        }
        for (name, value) in &self.headers {
            let reason = if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                "it is set by the host"
            } else if name.parse::<http::HeaderName>().is_err() {
                "it is not a header's name"
            } else if value.parse::<http::HeaderValue>().is_err() {
                "it has a character that no header may have"
            } else {
                continue;
            };
            return Err(FieldError::new(&format!("headers.{name}"), reason));
        }
        Ok(())
    }

    /// The request to be sent. Without a method it is GET, or POST if there is a body.
    pub fn into_call(self, timeout_ms: u64) -> Call {
        let mut headers: Vec<_> = self.headers.into_iter().collect();
        let typed = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let default_method = if self.body.is_null() { "GET" } else { "POST" };
        let body = match self.body.read::<String>() {
            Ok(text) => text.into_bytes(),
            Err(_) if self.body.is_null() => Vec::new(),
            Err(_) => {
                if !typed {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                self.body.as_str().as_bytes().to_vec()
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

impl Reply {
    /// The body as JSON, or as text if it is none.
    ///
    /// # Errors
    /// In words that follow "a body that is", if it is no text, or JSON that not every reader could read.
    pub fn body_json(&self) -> Result<Json, String> {
        let text = std::str::from_utf8(&self.body).map_err(|_| "not UTF-8 text".to_owned())?;
        match text.parse::<Json>() {
            Ok(json) => json.flaw().map_or(Ok(json), Err),
            Err(_) => Ok(Json::of(text).unwrap_or_default()),
        }
    }
}

/// Whether a URL may be called, as far as can be known before.
///
/// # Errors
/// In words, if it is not absolute or is the application's own worker.
pub fn check_url(url: &str) -> Result<(), String> {
    let bad = || format!("{url:?} is not an absolute http or https URL");
    let uri: http::Uri = url.parse().map_err(|_| bad())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
    let login = uri.authority().is_some_and(|a| a.as_str().contains('@'));
    if !matches!(uri.scheme_str(), Some("http" | "https")) || login {
        return Err(bad());
    }
    if host.trim_end_matches('.').eq_ignore_ascii_case(WORKER_HOST) {
        return Err(format!("{host} is private to the application"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_json;
    use serde_json::{Value, json};

    fn read(request: &Value) -> Result<CallRequest, FieldError> {
        from_json(&request.clone().into())
    }

    /// Rows: a request, the field that is refused.
    #[test]
    fn what_may_not_be_sent_is_named() {
        let with = |name: &str, value: &str| json!({"url": "http://x/", "headers": {name: value}});
        let table = [
            (json!({"url": "http://x/"}), None),
            (
                json!({"url": "https://x:8443/a?b#c", "method": "PURGE"}),
                None,
            ),
            (json!({"url": "http://api.spin.internal/healthz"}), None),
            (with("x-a", "b"), None),
            (json!({"url": ""}), Some("url")),
            (json!({"url": "/a"}), Some("url")),
            (json!({"url": "ftp://x/"}), Some("url")),
            (json!({"url": "http:///a"}), Some("url")),
            (json!({"url": "http://user:pass@x/"}), Some("url")),
            (json!({"url": "http://x y/"}), Some("url")),
            (
                json!({"url": "http://worker.spin.internal/work"}),
                Some("url"),
            ),
            (
                json!({"url": "http://Worker.Spin.Internal.:80/work"}),
                Some("url"),
            ),
            (json!({"url": "http://x/", "method": "G T"}), Some("method")),
            (with("Host", "y"), Some("headers.Host")),
            (with("a b", "y"), Some("headers.a b")),
            (with("x-a", "b\r\nx-c: d"), Some("headers.x-a")),
        ];
        for (request, field) in table {
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
