//! The only library that knows the host: its key-value store, its clock, its HTTP, and how a worker is woken.

pub mod env;
pub mod http;
mod kv;
pub mod probe;
pub mod variables;

pub use env::HostEnv;
pub use kv::HostStore;
pub use spin_executor::run;
