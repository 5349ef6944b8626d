//! Errors as RFC 9457 problem documents.

use super::response::Response;
use handoff_queue::QueueError;
use handoff_wire::{Fault, FieldError, JsonObject, visible};
use std::borrow::Cow;

const UNREADABLE: &str = "record-unreadable";

/// The reason in a store's error if the host, and not the store, takes no further call at this moment.
pub(crate) const OVERLOADED: &str = "the host has too many store calls under way";

/// A name and a value.
type Header = (&'static str, Cow<'static, str>);

/// An error for its reader: the fault, its place, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The last part of the `type` URI, which never changes.
    pub kind: &'static str,
    /// The kind of problem in words.
    pub title: &'static str,
    /// The present fault.
    pub detail: String,
    /// The field at fault.
    pub field: Option<String>,
    header: Option<Box<Header>>,
}

impl Problem {
    /// A problem without a single field at fault.
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

    /// The requested thing does not exist.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", "There is nothing here", detail)
    }

    /// The request is larger than allowed.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(413, "too-large", "The request is too large", detail)
    }

    /// A variable can't be used.
    pub fn misconfigured(detail: impl Into<String>) -> Self {
        let title = "The application is misconfigured";
        Self::new(500, "misconfigured", title, detail)
    }

    /// A field's value can't be used.
    pub fn invalid(error: FieldError) -> Self {
        match error.fault {
            Fault::Value => {}
            Fault::TooLarge => {
                return Self {
                    field: error.field.clone(),
                    ..Self::too_large(error.to_string())
                };
            }
            Fault::Deployment => return Self::misconfigured(error.reason),
        }
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

    /// The path is known, but not with this method. `allow` names its methods.
    pub fn method_not_allowed(allow: impl Into<Cow<'static, str>>) -> Self {
        let allow = allow.into();
        let problem = Self::new(
            405,
            "method-not-allowed",
            "That method does nothing here",
            format!("Use {allow}."),
        );
        problem.with_header("allow", allow)
    }

    /// The store failed. A caller may safely try again later, as far as its own work allows.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            header: Some(Box::new(("retry-after", "1".into()))),
            ..Self::new(
                503,
                "store-unavailable",
                "The store does not answer as it should",
                detail,
            )
        }
    }

    /// The host takes no further store call at this moment. It did not make this one.
    pub fn store_busy(detail: impl Into<String>) -> Self {
        let title = "The host has too many store calls under way";
        let problem = Self::new(503, "store-busy", title, detail);
        problem.with_header("retry-after", "1")
    }

    /// A record in the store is broken, or of a newer version. The store itself works.
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(
            500,
            UNREADABLE,
            "A record in the store can't be read",
            detail,
        )
    }

    /// Whether the problem is one record, and not the whole store.
    pub fn is_of_a_record(&self) -> bool {
        self.kind == UNREADABLE
    }

    /// The worker component can't be called.
    pub fn worker_unreachable(detail: impl Into<String>) -> Self {
        Self {
            header: Some(Box::new(("retry-after", "1".into()))),
            ..Self::new(503, "worker-unreachable", "No worker can be woken", detail)
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn about(self, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        Self {
            header: Some(Box::new((name, value.into()))),
            ..self
        }
    }

    /// The problem as JSON.
    pub fn to_json(&self) -> JsonObject {
        let mut body = JsonObject::default()
            .with("type", format!("urn:handoff:problem:{}", self.kind))
            .with("title", self.title)
            .with("status", self.status)
            .with("detail", visible(&self.detail));
        body.put_some("field", self.field.as_deref().map(visible));
        body
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let response = Self::json(problem.status, &problem.to_json());
        let response = response.header("content-type", "application/problem+json");
        match problem.header {
            Some(header) => response.header(header.0, header.1),
            None => response,
        }
    }
}

/// A text with its first letter in upper case.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

impl From<FieldError> for Problem {
    fn from(e: FieldError) -> Self {
        Self::invalid(e)
    }
}

impl From<QueueError> for Problem {
    fn from(e: QueueError) -> Self {
        if e.is_unreadable() {
            return Self::unreadable(format!("{}.", capitalized(&e.to_string())));
        }
        if matches!(&e, QueueError::Store(e) if e.reason.ends_with(OVERLOADED)) {
            return Self::store_busy(format!(
                "{e}. Repeat the request later, or let the host make more at once; what it asked for may have been \
                 done in part."
            ));
        }
        Self::unavailable(format!(
            "{e}. Repeat the request later; what it asked for may have been done all the same."
        ))
    }
}
