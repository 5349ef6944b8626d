//! wasmCloud.

mod bindings;
pub mod messages;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod workers;

pub use workers::{PROBE, WORK, count, reply};
