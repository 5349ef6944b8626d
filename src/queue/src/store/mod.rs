//! The store: what the protocol relies on, the names of keys, how records are written, and what every mechanism holds.

pub(crate) mod contract;
pub(crate) mod core;
pub(crate) mod error;
pub(crate) mod keys;
pub mod memory;
pub(crate) mod record;
