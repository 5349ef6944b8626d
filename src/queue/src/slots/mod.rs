//! Slots and tickets, in lanes.

pub(crate) mod append;
pub(crate) mod head;
pub(crate) mod lanes;
