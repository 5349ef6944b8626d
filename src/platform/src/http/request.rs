//! A request. Its body is read only on demand, and never beyond a limit.

use super::problem::Problem;
use crate::clock::sleep_ms;
use crate::host::settings;
use crate::variables::BYTES_MIN;
use futures::future::{FutureExt, select};
use handoff_queue::Trace;
use handoff_wire::{
    FieldError, Target, TraceParent, is_base, may_be_json, other_charset, quoted, trace_state,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use spin_sdk::http::{IncomingRequest, Method};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::task::Poll;
use wasi::io::streams::{InputStream, StreamError};

/// The longest time in which a body must arrive.
const BODY_MS: u64 = 30_000;

/// The number of bytes of a body that one host call reads, at most.
const READ_BYTES: u64 = 16 << 10;

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
    /// What the path begins with before the application's own part.
    base: String,
    /// All headers, read in one call of the host.
    headers: Vec<(String, Vec<u8>)>,
    /// The host frees it with the instance, which needs no call.
    incoming: ManuallyDrop<IncomingRequest>,
    caller: Caller,
}

impl Request {
    /// Takes over the host's request.
    pub fn new(incoming: IncomingRequest) -> Self {
        let headers = ManuallyDrop::new(incoming.headers());
        Self {
            method: incoming.method(),
            target: Target::new(&incoming.path_with_query().unwrap_or_default()),
            base: String::new(),
            headers: headers.entries(),
            incoming: ManuallyDrop::new(incoming),
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

    /// Leaves out the part of the path under which the host has mounted the application, such as
    /// `/handoff` of the route `/handoff/...`. Returns whether there was one.
    pub fn enter_mount(&mut self) -> bool {
        // The host's own comes behind any that the caller sent.
        let below = self.values(settings::PATH_BELOW_ROUTE).last();
        let below = below.and_then(|below| String::from_utf8(below.to_vec()).ok());
        let Some(base) = below.and_then(|below| self.target.enter(&below)) else {
            return false;
        };
        self.base = base;
        true
    }

    /// What a caller has to put before a path of the application. A proxy that leaves a part of the
    /// path out says so by `X-Forwarded-Prefix`.
    pub fn base(&self) -> String {
        let prefix = self.header("x-forwarded-prefix");
        let prefix = prefix.as_deref().map(|prefix| prefix.trim_end_matches('/'));
        let prefix = prefix.filter(|prefix| is_base(prefix)).unwrap_or_default();
        format!("{prefix}{}", self.base)
    }

    /// The path of the application, as sent.
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
        let value = self.values(name).next()?;
        String::from_utf8(value.to_vec()).ok()
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |(other, _): &&(String, _)| other.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(named)
            .map(|(_, value)| value.as_slice())
    }

    /// The trace of the request. A malformed one is ignored, as the specification says.
    pub fn trace(&self) -> Option<Trace> {
        let all = |name| self.values(name).map(std::str::from_utf8);
        let mut parents = all("traceparent");
        let parent: TraceParent = parents.next()?.ok()?.trim().parse().ok()?;
        if parents.next().is_some() {
            return None;
        }
        let state = || {
            let headers: Vec<_> = all("tracestate").collect::<Result<_, _>>().ok()?;
            trace_state(headers)
        };
        Some(Trace {
            parent: parent.to_string(),
            state: state(),
        })
    }

    /// All values of a header that are text, in their order.
    pub fn header_values(&self, name: &str) -> Vec<String> {
        let values = self.values(name);
        values
            .filter_map(|value| String::from_utf8(value.to_vec()).ok())
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
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => match std::str::from_utf8(value) {
                Ok(text) => Ok(Some(text.to_owned())),
                Err(_) => Err(FieldError::new(name, "this header must be text")),
            },
            (Some(_), Some(_)) => Err(FieldError::new(name, "this header must be there only once")),
        }
    }

    /// Reads the body as JSON of at most `max_bytes`, which is asked for only if the body may have
    /// more than [`BYTES_MIN`]. Returns also how many bytes it has.
    ///
    /// # Errors
    /// 415 for another content type or encoding, 413 beyond the limit, 400 if it can't be read; the
    /// problem names the field.
    pub async fn json<T: DeserializeOwned>(
        self,
        max_bytes: impl FnOnce() -> Result<u64, Problem>,
    ) -> Result<(T, u64), Problem> {
        self.expect_json()?;
        let max_bytes = match self.announced() {
            Some(..=BYTES_MIN) => BYTES_MIN,
            _ => max_bytes()?,
        };
        let body = self.body(max_bytes).await?;
        Ok((handoff_wire::from_slice(&body)?, body.len() as u64))
    }

    /// Refuses a body other than an empty object: a caller that sends one expects that it counts.
    ///
    /// # Errors
    /// 400 if there is one.
    pub async fn no_body(&self) -> Result<(), Problem> {
        if self.announced() == Some(0) {
            return Ok(());
        }
        let body = self.body(BYTES_MIN).await?;
        let is_empty = |body| match serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body) {
            Ok(fields) => fields.is_empty(),
            Err(_) => false,
        };
        if body.trim_ascii().is_empty() || is_empty(&body) {
            return Ok(());
        }
        let reason = "this call takes no body; what it takes are parameters of the query, such as `?task=mail`";
        Err(Problem::invalid(FieldError::new_at(
            None,
            reason.to_owned(),
        )))
    }

    /// The length of the body, if the head states it.
    fn announced(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
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

    /// Reads the body, of at most `max_bytes`, within [`BODY_MS`]. A slow sender could otherwise
    /// keep an instance busy for ever.
    pub(super) async fn body(&self, max_bytes: u64) -> Result<Vec<u8>, Problem> {
        let announced = self.announced();
        if announced.is_some_and(|length| length > max_bytes) {
            return Err(too_large(max_bytes));
        }
        let unreadable = || {
            let reason = "the host does not give the body".to_owned();
            Problem::invalid(FieldError::new_at(None, reason))
        };
        let incoming = ManuallyDrop::new(self.incoming.consume().map_err(|()| unreadable())?);
        let stream = ManuallyDrop::new(incoming.stream().map_err(|()| unreadable())?);
        let mut body = Body {
            stream: &stream,
            bytes: Vec::new(),
            announced,
            max_bytes,
        };
        // Most bodies are here already. They need no clock.
        if body.read()? {
            return Ok(body.bytes);
        }
        let late = sleep_ms(BODY_MS).map(|()| {
            Err(Problem::new(
                408,
                "body-timeout",
                "The request's body took too long",
                format!(
                    "The body was not complete {} s after the head. Nothing was done; repeat the request.",
                    BODY_MS / 1_000
                ),
            ))
        });
        let ended = select(pin!(body.rest()), pin!(late)).await.factor_first().0;
        ended.map(|()| body.bytes)
    }
}

/// What has arrived of a body.
struct Body<'a> {
    stream: &'a InputStream,
    bytes: Vec<u8>,
    announced: Option<u64>,
    max_bytes: u64,
}

impl Body<'_> {
    /// Reads what is here. Returns true if the body is complete: then the host need not be asked
    /// for its end.
    fn read(&mut self) -> Result<bool, Problem> {
        while self.announced != Some(self.bytes.len() as u64) {
            let chunk = match self.stream.read(READ_BYTES) {
                Ok(chunk) if chunk.is_empty() => return Ok(false),
                Ok(chunk) => chunk,
                Err(StreamError::Closed) => return Ok(true),
                Err(StreamError::LastOperationFailed(e)) => {
                    let reason = format!("the body broke off: {}", e.to_debug_string());
                    return Err(Problem::invalid(FieldError::new_at(None, reason)));
                }
            };
            if (self.bytes.len() + chunk.len()) as u64 > self.max_bytes {
                return Err(too_large(self.max_bytes));
            }
            self.bytes.extend(chunk);
        }
        Ok(true)
    }

    /// Reads the rest as it arrives.
    fn rest(&mut self) -> impl Future<Output = Result<(), Problem>> {
        let mut waiting: Option<CancelOnDropToken> = None;
        poll_fn(move |cx| {
            drop(waiting.take());
            if self.read()? {
                return Poll::Ready(Ok(()));
            }
            let token = push_waker_and_get_token(self.stream.subscribe(), cx.waker().clone());
            waiting = Some(token.into());
            Poll::Pending
        })
    }
}

fn too_large(max_bytes: u64) -> Problem {
    Problem::too_large(format!(
        "The request's body is too large: at most {max_bytes} bytes are taken."
    ))
}
