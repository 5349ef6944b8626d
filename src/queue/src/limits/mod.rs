//! Limits of queues and keys, waitlists of keys, and waking workers.

pub(crate) mod counters;
pub(crate) mod waitlist;
pub(crate) mod wake;
