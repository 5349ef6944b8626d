//! The only library that knows the host: its key-value store or the Redis beside it, its clock, its
//! HTTP, and how to wake a worker.

pub mod env;
pub mod http;
pub mod probe;
#[cfg(not(all(feature = "wasmcloud", not(feature = "key-value"))))]
mod spin;
mod store;
pub mod usable;
pub mod variables;
#[cfg(feature = "wasmcloud")]
pub mod wasmcloud;

#[cfg(not(all(feature = "wasmcloud", not(feature = "key-value"))))]
use spin as host;
#[cfg(all(feature = "wasmcloud", not(feature = "key-value")))]
use wasmcloud as host;

pub use env::HostEnv;
pub use spin_executor::run;
pub use store::HostStore;
