//! How far the keeper has come, as it is stored.

pub(crate) mod cursors;
pub(crate) mod deletes;
pub(crate) mod failed;
pub(crate) mod record;
pub(crate) mod running;
pub(crate) mod tally;
