//! Spin and the local host.

mod key_value;
mod location;
mod redis;
pub mod settings;
pub mod store;
pub mod workers;
