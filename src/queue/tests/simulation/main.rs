//! The simulation: clients, workers and keepers over one simulated store, in virtual time. One seed
//! decides everything.
//!
//! - `random`: faults at random. Each store call may let others run, or fail before or after it
//!   took effect. It may reach some of its keys only, stall its instance beyond any lease, or be
//!   the last call of its instance.
//! - `clocks`: a host whose clock is wrong by an hour.
//! - `crash_points`: short `scenarios`, each played on a `stage`. Every place of a fault and every
//!   race is tried.
//! - `sabotage`: the protocol with one guard left out, which the others must notice.
//!
//! `model` holds the checks, `load` the requests.

#![allow(clippy::unwrap_used)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod clocks;
mod counters;
mod crash_points;
mod history;
mod limited;
mod listed;
mod load;
mod lossy;
mod model;
mod parallel;
mod random;
mod sabotage;
mod scenarios;
mod schedules;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod workflows;
