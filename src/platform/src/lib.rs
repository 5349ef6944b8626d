//! The only library that knows the host: its key-value store, or the Redis beside it, its clock, its HTTP, and how a worker is woken.

pub mod env;
pub mod http;
pub mod probe;
mod store;
pub mod variables;

pub use env::HostEnv;
pub use spin_executor::run;
pub use store::HostStore;
