//! The task kinds that requests may name.

use crate::{Defaults, FieldError};
use handoff_queue::Json;

/// The task kinds of a deployment.
pub trait Kinds {
    /// Checks a task's kind and arguments before it is enqueued, given the timeout of its attempts.
    ///
    /// # Errors
    /// Names the field `task`, or the one in `args`.
    fn check(&self, name: &str, args: &Json, timeout_ms: u64) -> Result<(), FieldError>;

    /// Checks the size and form of arguments, whatever the kind.
    ///
    /// # Errors
    /// Names the field `args`.
    fn check_text(&self, args: &Json) -> Result<(), FieldError>;

    /// Checks a task's kind, where its arguments are not known yet.
    ///
    /// # Errors
    /// Names the field `task`.
    fn known(&self, name: &str) -> Result<(), FieldError>;

    /// What tasks of a known kind have unless their request says otherwise.
    fn defaults(&self, _name: &str) -> Defaults {
        Defaults::default()
    }
}
