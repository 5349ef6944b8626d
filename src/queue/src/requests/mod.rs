//! What requests ask of a queue: enqueue, cancel, pause, wait, watch, count.

pub(crate) mod admin;
pub(crate) mod cancel;
pub(crate) mod depth;
pub(crate) mod enqueue;
pub(crate) mod statistics;
pub(crate) mod wait;
pub(crate) mod watch;
