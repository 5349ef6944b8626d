//! Errors as RFC 9457 problem documents.

use super::Response;
use handoff_input::FieldError;
use handoff_queue::QueueError;
use serde_json::{Value, json};

/// An error for the person who reads it: what was wrong, where, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The last part of the `type` URI, which never changes.
    pub kind: &'static str,
    /// What kind of problem it is, in words.
    pub title: &'static str,
    /// What is wrong this time.
    pub detail: String,
    /// The field that it is about.
    pub field: Option<String>,
    header: Option<(&'static str, &'static str)>,
}

impl Problem {
    /// A problem that is about no single field.
    pub fn new(
        status: u16,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            field: None,
            header: None,
        }
    }

    /// No such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", "There is nothing here", detail)
    }

    /// A field's value can't be used.
    pub fn invalid(error: FieldError) -> Self {
        Self {
            field: error.field.clone(),
            ..Self::new(
                400,
                "invalid-request",
                "The request can't be used",
                error.to_string(),
            )
        }
    }

    /// The path is known, the method is not. `allow` names those that are.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            header: Some(("allow", allow)),
            ..Self::new(
                405,
                "method-not-allowed",
                "That method does nothing here",
                format!("Use {allow}."),
            )
        }
    }

    /// The store failed; trying again later is safe as far as the caller's own work is.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            header: Some(("retry-after", "1")),
            ..Self::new(
                503,
                "store-unavailable",
                "The store does not answer as it should",
                detail,
            )
        }
    }

    /// The worker's component can't be called.
    pub fn worker_unreachable(detail: impl Into<String>) -> Self {
        Self {
            header: Some(("retry-after", "1")),
            ..Self::new(503, "worker-unreachable", "No worker can be woken", detail)
        }
    }

    /// The same request may succeed in a second.
    #[must_use]
    pub fn retry_soon(mut self) -> Self {
        self.header = Some(("retry-after", "1"));
        self
    }

    /// The problem as JSON.
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "type": format!("urn:handoff:problem:{}", self.kind),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        });
        if let Some(field) = &self.field {
            body["field"] = json!(field);
        }
        body
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let response = Self::json(problem.status, &problem.to_json());
        let response = response.header("content-type", "application/problem+json");
        match problem.header {
            Some((name, value)) => response.header(name, value),
            None => response,
        }
    }
}

impl From<FieldError> for Problem {
    fn from(e: FieldError) -> Self {
        Self::invalid(e)
    }
}

impl From<QueueError> for Problem {
    fn from(e: QueueError) -> Self {
        Self::unavailable(format!(
            "{e}. Repeat the request later; what it asked for may have been done all the same."
        ))
    }
}
