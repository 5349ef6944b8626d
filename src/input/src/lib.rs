//! What comes from outside: JSON, durations, times and requests to be sent, with errors that name the field.

mod call;
mod json;
mod time;

pub use call::{Call, CallRequest, Reply, WORKER_HOST};
pub use json::{FieldError, Object, from_slice, from_value};
pub use time::{Duration, Time};
