//! Slots and tickets: a task gets a slot, a worker takes its ticket.

pub(crate) mod append;
pub(crate) mod head;
pub(crate) mod lanes;
