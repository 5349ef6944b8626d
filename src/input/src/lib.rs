//! Input from outside: JSON, durations, times, cron expressions, calls and their signatures,
//! tokens, origins and traces. Errors name the fault.

mod access;
mod address;
mod call;
mod cron;
mod endpoint;
mod explain;
mod fields;
mod gather;
mod header;
mod hosts;
mod json;
mod limits;
mod near;
mod object;
mod origins;
mod sender;
mod target;
mod time;
mod trace;
mod url;
mod webhook;

pub use access::{Access, Admitted, Denied, Scope};
pub use call::{Call, CallError, CallRequest, REDACTED, Reply, is_secret_header};
pub use cron::Cron;
pub use endpoint::is_same_server;
pub use fields::{List, Names, ReadOnly, Word, Words};
pub use gather::{Gather, GatherRequest};
pub use handoff_queue::Json;
pub use header::{accepts_events, may_be_json, other_charset, preferred_wait_ms};
pub use hosts::Hosts;
pub use json::{FieldError, Object, from_json, from_slice};
pub use limits::{KeyLimits, Limits, QueueLimits, Rate};
pub use near::{did_you_mean, named, near, quoted, visible};
pub use object::JsonObject;
pub use origins::Origins;
pub use sender::{Foreign, Sender, Senders};
pub use target::Target;
pub use time::{Duration, Time, When, http_date_ms};
pub use trace::{NotTraceParent, TraceParent, trace_state};
pub use url::{URL_MAX_BYTES, WORKER_HOST, check_url};
pub use webhook::WebhookSecrets;

/// The items of a list with commas or white space between them.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    let items = text.split(|c: char| c == ',' || c.is_whitespace());
    items.filter(|item| !item.is_empty())
}

/// The places, from 0, of an item that occurs twice, if any: certainly a mistake.
///
/// ```
/// assert_eq!(handoff_input::repeated(&["a", "b", "c", "b"]), Some((1, 3)));
/// ```
pub fn repeated<T: PartialEq>(items: &[T]) -> Option<(usize, usize)> {
    let first = |item: &T, end: usize| items[..end].iter().position(|other| other == item);
    let mut places = items.iter().enumerate();
    places.find_map(|(i, item)| Some((first(item, i)?, i)))
}
