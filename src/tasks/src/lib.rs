//! The tasks of the default application: one file and one name below each.

mod echo;
mod primes;
mod sleep;

pub use echo::Echo;
pub use primes::CountPrimes;
pub use sleep::Sleep;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/tasks.md")]
struct Page;

handoff::tasks!(Echo, CountPrimes, Sleep);
