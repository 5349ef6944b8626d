//! The keeper's progress, as its record holds it.

pub(crate) mod cursors;
pub(crate) mod deletes;
pub(crate) mod failed;
pub(crate) mod record;
pub(crate) mod running;
pub(crate) mod tally;
