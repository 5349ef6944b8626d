//! The store: its contract, its keys, the encoding of records, and the core of every mechanism.

pub(crate) mod contract;
pub(crate) mod core;
pub(crate) mod error;
pub(crate) mod keys;
pub mod memory;
pub(crate) mod record;
