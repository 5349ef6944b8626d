//! What goes over the wire: requests of callers and what they are made of (JSON, durations, times,
//! cron expressions, tokens, origins, traces), the objects that answer them, and calls to others.
//! Errors name the fault.

mod access;
mod address;
mod answer;
mod call;
mod causes;
mod collector;
mod cron;
mod endpoint;
mod explain;
mod fields;
mod gather;
mod handlers;
mod header;
mod hosts;
mod json;
mod json_object;
mod limits;
mod log;
mod near;
pub mod object;
mod origins;
mod redact;
mod request;
mod sender;
mod target;
mod time;
mod trace;
mod url;
mod webhook;

pub use access::{Access, Admitted, Denied, Scope};
pub use answer::{Answer, REPLY_MAX_BYTES, Reply, header, in_time};
pub use call::{Call, CallError, CallRequest, HTTP_REQUEST, REDACTED, is_secret_header};
pub use causes::{Cause, Causes, ErrorPattern, fits, headline};
pub use collector::Collector;
pub use cron::Cron;
pub use endpoint::is_same_server;
pub use explain::not_one_of;
pub use fields::{List, Names, ReadOnly, Word, Words};
pub use gather::{Gather, GatherRequest};
pub use handlers::{Defaults, Handler, Handlers, check_kind, is_kind};
pub use handoff_queue::{Json, object_fields};
pub use header::{
    accepts_events, accepts_openmetrics, may_be_json, other_charset, preferred_wait_ms,
};
pub use hosts::Hosts;
pub use json::{Fault, FieldError, Object, from_json, from_slice};
pub use json_object::JsonObject;
pub use limits::{KeyLimits, Limits, QueueLimits, Rate};
pub use log::Log;
pub use near::{did_you_mean, named, near, quoted, visible, visible_json};
pub use origins::Origins;
pub use request::kinds::Kinds;
pub use request::schedule::ScheduleRequest;
pub use request::task::{BatchRequest, Checked, TaskRequest};
pub use request::webhook::{WEBHOOK, WebhookArgs};
pub use request::workflow::WorkflowRequest;
pub use sender::{Foreign, Sender, Senders};
pub use target::{Target, encode, is_base};
pub use time::{Duration, Time, When, http_date_ms};
pub use trace::{NotTraceParent, TraceParent, trace_state};
pub use url::{URL_MAX_BYTES, WORKER_HOST, check_url, without_query};
pub use webhook::WebhookSecrets;

/// The items of a list with commas or white space between them.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    let items = text.split(|c: char| c == ',' || c.is_whitespace());
    items.filter(|item| !item.is_empty())
}

/// The places, from 0, of an item that occurs twice, if any: certainly a mistake.
///
/// ```
/// assert_eq!(handoff_wire::repeated(&["a", "b", "c", "b"]), Some((1, 3)));
/// ```
pub fn repeated<T: PartialEq>(items: &[T]) -> Option<(usize, usize)> {
    let first = |item: &T, end: usize| items[..end].iter().position(|other| other == item);
    let mut places = items.iter().enumerate();
    places.find_map(|(i, item)| Some((first(item, i)?, i)))
}
