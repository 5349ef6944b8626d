//! The kinds that every deployment has.

mod fault;
mod http_request;
mod webhook;

pub(crate) use fault::{Busy, Fault};
pub(crate) use http_request::HttpRequest;
pub(crate) use webhook::Webhook;
