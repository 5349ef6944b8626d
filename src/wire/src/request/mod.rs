//! What callers ask for: the bodies of requests, and what becomes of them once they are checked.

pub mod kinds;
mod lease;
pub mod schedule;
pub mod task;
pub mod webhook;
pub mod workflow;
