//! What callers ask for: the bodies of requests, and what becomes of them once they are checked.

pub(crate) mod kinds;
mod lease;
pub(crate) mod schedule;
pub(crate) mod task;
pub(crate) mod webhook;
pub(crate) mod workflow;
