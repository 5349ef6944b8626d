//! Requests of callers: enqueue, cancel, list, pause, purge, wait, watch, statistics.

pub(crate) mod admin;
pub(crate) mod cancel;
pub(crate) mod depth;
pub(crate) mod enqueue;
pub(crate) mod list;
pub(crate) mod statistics;
pub(crate) mod wait;
pub(crate) mod watch;
