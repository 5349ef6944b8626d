//! Is a store fit for the queue, above all: is its `increment` atomic? And how long does a host let
//! an instance live?
//!
//! One instance can't tell, since its calls are one after the other: several must increment a new counter at once, and
//! together get every number from 1 on once. `/readyz`, the suite that every store must pass and the end-to-end tests
//! all ask this, and a component, a native test and a test over HTTP have nothing else in common. So it is a crate of
//! its own that needs no host, only a `Store`.

mod lifetime;
mod numbers;
mod ready;

pub use lifetime::{Lifetime, LifetimeProbe, WORK_MS, lifetime};
pub use numbers::{count, each_once};
pub use ready::{ASK_TIMEOUT_MS, INSTANCES, TIMES, Unready, is_probe_key, ready};
