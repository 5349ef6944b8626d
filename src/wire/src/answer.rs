//! Answers to requests that the application sends: as they come, or whole.

use crate::CallError;
use futures::future::{Either, select};
use futures::stream::{LocalBoxStream, StreamExt};
use handoff_queue::{JSON_DEPTH_MAX, Json};
use std::pin::pin;

/// The begin of an answer, and its body as it comes. Dropping it closes the connection.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body's chunks. None follows an error.
    pub body: LocalBoxStream<'static, Result<Vec<u8>, CallError>>,
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

impl Reply {
    /// An answer without headers and body, for tests of what calls.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Gives it a body in JSON.
    #[must_use]
    pub fn json(mut self, value: impl Into<Json>) -> Self {
        let content_type = ("content-type".to_owned(), "application/json".to_owned());
        self.headers.push(content_type);
        self.body = value.into().as_str().as_bytes().to_vec();
        self
    }
}

/// An answer that somebody waits for as a whole has at most so many bytes.
pub const REPLY_MAX_BYTES: usize = 256 * 1024;

impl Answer {
    /// Waits for the whole answer. Without `needs_body` that of a 2xx answer is not read.
    ///
    /// # Errors
    /// If it breaks off, or its body has more than `max_bytes`.
    pub async fn whole(mut self, needs_body: bool, max_bytes: usize) -> Result<Reply, CallError> {
        let mut body = Vec::new();
        let skips = !needs_body && (200..300).contains(&self.status);
        while !skips && let Some(chunk) = self.body.next().await {
            let chunk = chunk?;
            if body.len() + chunk.len() > max_bytes {
                let status = self.status;
                return Err(CallError::Refused(format!(
                    "the answer, of status {status}, has more than {max_bytes} bytes"
                )));
            }
            body.extend(chunk);
        }
        Ok(self.with(body))
    }

    /// Reads the begin of the body, of `max_bytes` at most, as far as it comes within `sleep`. Its
    /// status counts, whatever becomes of its body.
    pub async fn start(mut self, max_bytes: usize, sleep: impl Future<Output = ()>) -> Reply {
        let mut body = Vec::new();
        let mut sleep = pin!(sleep);
        while body.len() < max_bytes {
            match select(self.body.next(), sleep.as_mut()).await {
                Either::Left((Some(Ok(chunk)), _)) => body.extend(chunk),
                _ => break,
            }
        }
        body.truncate(max_bytes);
        self.with(body)
    }

    fn with(self, body: Vec<u8>) -> Reply {
        Reply {
            status: self.status,
            headers: self.headers,
            body,
        }
    }
}

impl Reply {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Reads the body as JSON, or as text if it is not JSON.
    ///
    /// # Errors
    /// If it is no text, or JSON that some readers can't read. The text follows "a body that is".
    pub fn body_json(&self) -> Result<Json, String> {
        let text = std::str::from_utf8(&self.body).map_err(|_| "not UTF-8 text".to_owned())?;
        match text.parse::<Json>() {
            Ok(json) if json.depth() > JSON_DEPTH_MAX => Err(json.flaw().unwrap_or_default()),
            Ok(json) if json.flaw().is_none() => Ok(json),
            // Also with half of a surrogate pair, which is no text.
            _ => Ok(Json::of(text).unwrap_or_default()),
        }
    }
}

/// The first header of this name, which is in lower case.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.trim())
}

/// Waits for what a call gives, at most as long as `sleep`, which takes `timeout_ms`.
///
/// # Errors
/// Those of the call, or that there was no complete answer in time.
pub async fn in_time<T>(
    call: impl Future<Output = Result<T, CallError>>,
    sleep: impl Future<Output = ()>,
    timeout_ms: u64,
) -> Result<T, CallError> {
    match select(pin!(call), pin!(sleep)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(CallError::Unanswered(format!(
            "no complete answer within {timeout_ms} ms"
        ))),
    }
}
