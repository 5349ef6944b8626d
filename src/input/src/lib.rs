//! What comes from outside: JSON, durations, times and requests to be sent, with errors that name the field.

mod call;
mod gather;
mod json;
mod prefer;
mod target;
mod time;

pub use call::{Call, CallRequest, Reply, WORKER_HOST};
pub use gather::{Gather, GatherRequest};
pub use json::{FieldError, Object, from_slice, from_value};
pub use prefer::preferred_wait_ms;
pub use target::{Target, accepts_events, may_be_json};
pub use time::{Duration, Time, When};
