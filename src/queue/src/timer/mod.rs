//! The timer: delays, retries and deadlines as data in the store.

pub(crate) mod entry;
pub(crate) mod insert;
pub(crate) mod sweep;
pub(crate) mod wheel;
