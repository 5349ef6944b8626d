//! Spin and the local host.

mod connection;
mod key_value;
mod location;
mod postgres;
mod redis;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod workers;
