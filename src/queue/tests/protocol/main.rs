//! What each part of the queue promises, in virtual time: one case after the other, where `simulation` searches.

#![allow(clippy::unwrap_used)]

mod basics;
mod budget;
mod cancel;
mod conformance;
mod expiry;
mod failed;
mod fencing;
mod follow_up;
mod handover;
mod heartbeats;
mod idempotency;
mod keys;
mod limits;
mod lists;
mod metrics;
mod neighbours;
mod operate;
mod pages;
mod presence;
mod priorities;
mod records;
mod reports;
mod retention;
mod running;
mod schedules;
mod statistics;
#[path = "../support/mod.rs"]
mod support;
mod timing;
mod waiting;
mod walls;
mod watching;
mod workflow_lists;
mod workflows;
