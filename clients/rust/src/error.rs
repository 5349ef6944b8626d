//! Errors, and what an answer says about them.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::json::Shown;
use crate::objects::AttemptError;
use crate::words::State;

const PREFIX: &str = "urn:handoff:problem:";
/// So many characters of a foreign answer are shown.
const EXCERPT_MAX: usize = 200;

/// The kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A field, a parameter or the body can't be used, or is too large: 400, 405, 413, 415. Without
    /// a request, if a URL, a token, an id or a name can't be used.
    InvalidRequest,
    /// There is no known token: 401.
    Unauthorized,
    /// The token's scopes don't suffice, or the host may not call: 403.
    Forbidden,
    /// There is no such task, workflow, queue, schedule or path: 404.
    NotFound,
    /// The state of a task, or an idempotency key, stands against the request: 409, 422.
    Conflict,
    /// There was no answer, or one that says to come back later: 408, 429, 502, 503, 504. What was
    /// asked for may have happened all the same.
    Unavailable,
    /// The task or workflow was not final in time. It goes on.
    Timeout,
    /// The task or workflow failed for good.
    TaskFailed,
    /// The task or workflow was cancelled.
    TaskCancelled,
    /// The task or workflow did not begin before it expired.
    TaskExpired,
    /// Anything else, such as the answer of another server.
    Other,
}

/// The final state of a task or workflow that did not succeed.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Ended {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: State,
    /// Why it failed.
    pub error: Option<String>,
    /// The attempts that failed. A workflow has none.
    #[serde(default)]
    pub errors: Vec<AttemptError>,
}

/// An error of this client. No message contains the token.
#[derive(Debug, Clone)]
pub struct HandoffError(Box<Fields>);

#[derive(Debug, Clone)]
struct Fields {
    kind: ErrorKind,
    message: String,
    name: Option<String>,
    status: Option<u16>,
    detail: Option<String>,
    field: Option<String>,
    object: Option<Shown<Ended>>,
}

impl HandoffError {
    pub(crate) fn new(kind: ErrorKind, message: String) -> Self {
        Self(Box::new(Fields {
            kind,
            message,
            name: None,
            status: None,
            detail: None,
            field: None,
            object: None,
        }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message.into())
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message.into())
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The error of a task or workflow that is final, and did not succeed.
    pub(crate) fn ended(kind: ErrorKind, object: Shown<Ended>) -> Self {
        let end = match (kind, &object.error) {
            (ErrorKind::TaskFailed, Some(error)) => format!("failed: {error}"),
            _ => format!("is {}", object.state),
        };
        let mut error = Self::new(kind, format!("{} {end}", object.id));
        error.0.object = Some(object);
        error
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The last part of `urn:handoff:problem:…`; `None` if the answer was no problem document of
    /// Handoff, or there was none.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What is wrong, in the words of the problem document.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The field that is to blame.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The task or workflow that did not succeed.
    #[must_use]
    pub fn object(&self) -> Option<&Shown<Ended>> {
        self.0.object.as_ref()
    }

    /// The error that a problem document describes, or `None` if `value` is none. Free text is
    /// cleaned.
    pub(crate) fn of_problem(value: &Value, clean: impl Fn(&str) -> String) -> Option<Self> {
        let name = value.get("type")?.as_str()?.strip_prefix(PREFIX)?;
        let status = u16::try_from(value.get("status")?.as_u64()?).ok()?;
        let text = |field| value.get(field).and_then(Value::as_str).map(&clean);
        let (detail, field) = (text("detail"), text("field"));
        let words = detail.as_deref().unwrap_or_default();
        let kind = by_status(status).unwrap_or(ErrorKind::Other);
        let mut error = Self::new(kind, format!("{status} {name}: {words}"));
        error.0.name = Some(name.to_owned());
        error.0.status = Some(status);
        error.0.detail = detail;
        error.0.field = field;
        Some(error)
    }

    /// The error for an answer that Handoff did not give, such as a proxy's page.
    pub(crate) fn foreign(request: &str, status: u16, content_type: &str, body: &str) -> Self {
        let words: Vec<_> = body.split_whitespace().collect();
        let mut excerpt = words.join(" ");
        if let Some((end, _)) = excerpt.char_indices().nth(EXCERPT_MAX) {
            excerpt.truncate(end);
            excerpt.push('…');
        }
        let what = match excerpt.is_empty() {
            true => "without a body".to_owned(),
            false => format!("with {content_type}: {excerpt}"),
        };
        let hint = match status {
            404 => "; is a part of the path missing, such as /handoff?",
            _ => "",
        };
        // Another server's 404 or 403 says nothing about a task or a token.
        let kind = by_status(status).filter(|kind| *kind == ErrorKind::Unavailable);
        let message = format!("{request}: an answer that is not Handoff's: {status} {what}{hint}");
        Self::new(kind.unwrap_or(ErrorKind::Other), message).with_status(status)
    }

    /// Whether another attempt may have another answer.
    pub(crate) fn is_transient(&self) -> bool {
        match self.status() {
            // The host's own 500: its instance ended before it answered.
            Some(500) => matches!(self.problem(), None | Some("component-failed")),
            Some(408 | 429 | 502 | 503 | 504) => true,
            _ => self.problem() == Some("idempotency-key-busy"),
        }
    }
}

fn by_status(status: u16) -> Option<ErrorKind> {
    Some(match status {
        400 | 405 | 413 | 415 => ErrorKind::InvalidRequest,
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 | 422 => ErrorKind::Conflict,
        408 | 429 | 502 | 503 | 504 => ErrorKind::Unavailable,
        _ => return None,
    })
}

impl fmt::Display for HandoffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for HandoffError {}
