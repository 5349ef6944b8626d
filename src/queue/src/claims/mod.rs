//! Claims: a worker takes tickets and begins the tasks in their slots.

pub(crate) mod share;
pub(crate) mod tickets;
