//! What the application does, on every host and store.

mod access;
mod article;
mod bad_input;
mod bad_target;
mod batch;
mod busy;
mod cancel;
mod cors;
mod delay;
mod enqueue;
mod events;
mod expires;
mod faults;
mod gather;
mod http_request;
mod idempotency;
mod kill;
mod leftovers;
mod oversized;
mod primes;
mod private;
mod queues;
mod ready;
mod trace;
mod unchanged;
mod wait;
