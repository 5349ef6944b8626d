//! What comes from outside: JSON, durations and times, with errors that name the field.

mod json;
mod time;

pub use json::{FieldError, from_slice, from_value};
pub use time::{Duration, Time};
