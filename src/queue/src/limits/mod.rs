//! What limits a queue: permits and rates, the waitlists of keys, and whom to wake.

pub(crate) mod counters;
pub(crate) mod waitlist;
pub(crate) mod wake;
