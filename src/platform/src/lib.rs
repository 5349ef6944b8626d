//! The only library that knows the host: its key-value store or the Redis beside it, its clock, its
//! HTTP, and how to wake a worker. `spin` and `wasmcloud` have the same modules and functions; the
//! feature `wasmcloud` decides which of them is `host`.

mod backend;
pub mod clock;
mod count;
mod env;
pub mod http;
mod lifetime;
pub mod log;
pub mod probe;
#[cfg(not(feature = "wasmcloud"))]
mod spin;
mod store;
pub mod usable;
pub mod variables;
#[cfg(feature = "wasmcloud")]
pub mod wasmcloud;

#[cfg(not(feature = "wasmcloud"))]
use spin as host;
#[cfg(feature = "wasmcloud")]
use wasmcloud as host;

pub use env::{HostEnv, hold_workers};
pub use handoff_probe::Lifetime;
pub use lifetime::{environment, lifetime};
pub use spin_executor::run;
pub use store::HostStore;
