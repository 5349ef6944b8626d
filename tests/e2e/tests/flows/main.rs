//! What the application does, on every host and store.

mod article;
mod bad_input;
mod bad_target;
mod batch;
mod busy;
mod cancel;
mod delay;
mod enqueue;
mod faults;
mod gather;
mod http_request;
mod idempotency;
mod kill;
mod leftovers;
mod oversized;
mod primes;
mod private;
mod ready;
mod unchanged;
