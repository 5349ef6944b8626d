//! A request. Its body is read only on demand, and never beyond a limit.

use super::problem::Problem;
use crate::clock::sleep_ms;
use futures::StreamExt;
use futures::future::{Either, select};
use handoff_queue::Trace;
use handoff_wire::{
    FieldError, Target, TraceParent, may_be_json, other_charset, quoted, trace_state,
};
use serde::de::DeserializeOwned;
use spin_sdk::http::{IncomingRequest, Method};
use std::pin::pin;

/// The longest time in which a body must arrive.
const BODY_MS: u64 = 30_000;

/// The sender of a request, as far as its token tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of its token, if it has one.
    pub name: Option<String>,
    /// Whether it may read tasks.
    pub reads: bool,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            name: None,
            reads: true,
        }
    }
}

/// An incoming request.
pub struct Request {
    method: Method,
    target: Target,
    incoming: IncomingRequest,
    caller: Caller,
}

impl Request {
    /// Takes over the host's request.
    pub fn new(incoming: IncomingRequest) -> Self {
        Self {
            method: incoming.method(),
            target: Target::new(&incoming.path_with_query().unwrap_or_default()),
            incoming,
            caller: Caller::default(),
        }
    }

    /// Notes the sender of the request.
    #[must_use]
    pub fn sent_by(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// The sender. Until it is known it counts as one that may read.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The receiver's host, and its port if there is one, as the request names it.
    pub fn authority(&self) -> String {
        self.incoming.authority().unwrap_or_default()
    }

    /// The path, as sent.
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The path's segments, decoded.
    ///
    /// # Errors
    /// If an encoding can't be read.
    pub fn segments(&self) -> Result<Vec<String>, FieldError> {
        self.target.segments()
    }

    /// The query's parameters, decoded.
    ///
    /// # Errors
    /// If an encoding can't be read.
    pub fn query(&self) -> Result<Vec<(String, String)>, FieldError> {
        self.target.query()
    }

    /// Whether the caller wants only the head of the answer.
    pub fn is_head(&self) -> bool {
        self.method == Method::Head
    }

    /// The first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<String> {
        let value = self.incoming.headers().get(name).into_iter().next()?;
        String::from_utf8(value).ok()
    }

    /// The trace of the request. A malformed one is ignored, as the specification says.
    pub fn trace(&self) -> Option<Trace> {
        let all = |name: &str| self.incoming.headers().get(name);
        let text = |value: &Vec<u8>| String::from_utf8(value.clone()).ok();
        let [parent] = all("traceparent").try_into().ok()?;
        let parent: TraceParent = text(&parent)?.trim().parse().ok()?;
        let state = || {
            let headers: Vec<_> = all("tracestate").iter().map(text).collect::<Option<_>>()?;
            trace_state(headers.iter().map(String::as_str))
        };
        Some(Trace {
            parent: parent.to_string(),
            state: state(),
        })
    }

    /// All values of a header that are text, in their order.
    pub fn header_values(&self, name: &str) -> Vec<String> {
        let values = self.incoming.headers().get(name).into_iter();
        values
            .filter_map(|value| String::from_utf8(value).ok())
            .collect()
    }

    /// Whether it asks for server-sent events rather than for one answer.
    pub fn accepts_events(&self) -> bool {
        let accepts = self.header_values("accept");
        handoff_wire::accepts_events(accepts.iter().map(String::as_str))
    }

    /// Reads a header that must not be ignored. It occurs at most once, and is text.
    ///
    /// # Errors
    /// If it occurs twice, or is no text.
    pub fn sole_header(&self, name: &str) -> Result<Option<String>, FieldError> {
        let mut values = self.incoming.headers().get(name);
        match (values.pop(), values.is_empty()) {
            (None, _) => Ok(None),
            (Some(value), true) => match String::from_utf8(value) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(FieldError::new(name, "this header must be text")),
            },
            (Some(_), false) => Err(FieldError::new(name, "this header must be there only once")),
        }
    }

    /// Reads the body as JSON of at most `max_bytes`.
    ///
    /// # Errors
    /// 415 for another content type or encoding, 413 beyond the limit, 400 if it can't be read; the
    /// problem names the field.
    pub async fn json<T: DeserializeOwned>(self, max_bytes: u64) -> Result<T, Problem> {
        self.expect_json()?;
        let body = self.body(max_bytes).await?;
        Ok(handoff_wire::from_slice(&body)?)
    }

    /// Accepts a content type that may be JSON and needs no decoding, or a missing one.
    fn expect_json(&self) -> Result<(), Problem> {
        const UNSUPPORTED: &str = "unsupported-media-type";
        const TITLE: &str = "Only JSON is taken here";
        let encodings = self.header_values("content-encoding");
        let mut encodings = encodings.iter().flat_map(|value| value.split(','));
        let plain =
            |encoding: &str| encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        if let Some(encoding) = encodings.find(|encoding| !plain(encoding.trim())) {
            let detail = format!(
                "The content-encoding is {}. Send the body as it is, without that header.",
                quoted(encoding.trim())
            );
            let problem = Problem::new(415, UNSUPPORTED, TITLE, detail);
            return Err(problem.with_header("accept-encoding", "identity"));
        }
        let Some(sent) = self.sole_header("content-type")? else {
            return Ok(());
        };
        let detail = if !may_be_json(&sent) {
            format!(
                "The content-type is {}. Send application/json.",
                quoted(&sent)
            )
        } else if let Some(charset) = other_charset(&sent) {
            format!(
                "The content-type's charset is {}. Send JSON as UTF-8.",
                quoted(charset)
            )
        } else {
            return Ok(());
        };
        Err(Problem::new(415, UNSUPPORTED, TITLE, detail))
    }

    /// Reads the body within [`BODY_MS`]. A slow sender could otherwise keep an instance busy for
    /// ever.
    async fn body(self, max_bytes: u64) -> Result<Vec<u8>, Problem> {
        let late = || {
            Problem::new(
                408,
                "body-timeout",
                "The request's body took too long",
                format!(
                    "The body was not complete {} s after the head. Nothing was done; repeat the request.",
                    BODY_MS / 1_000
                ),
            )
        };
        match select(pin!(self.whole_body(max_bytes)), pin!(sleep_ms(BODY_MS))).await {
            Either::Left((body, _)) => body,
            Either::Right(_) => Err(late()),
        }
    }

    async fn whole_body(self, max_bytes: u64) -> Result<Vec<u8>, Problem> {
        let too_large = || {
            Problem::too_large(format!(
                "The request's body is too large: at most {max_bytes} bytes are taken."
            ))
        };
        let announced = self
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|length| length > max_bytes) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        let mut stream = self.incoming.into_body_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|e| {
                let reason = format!("the body broke off: {}", e.to_debug_string());
                Problem::invalid(FieldError::new_at(None, reason))
            })?;
            if (body.len() + chunk.len()) as u64 > max_bytes {
                return Err(too_large());
            }
            body.extend(chunk);
        }
        Ok(body)
    }
}
