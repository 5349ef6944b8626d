//! The simulation: clients, workers and keepers over one simulated store, in virtual time. One seed decides everything.
//!
//! - `random`: faults at random. Every store call may let others run, fail before or after it took effect, reach some of its
//!   keys only, stall its instance beyond any lease, or be the last thing that its instance does.
//! - `crash_points`: short `scenarios`, each played on a `stage`, in which every place where something can go wrong is tried,
//!   and every race.
//! - `sabotage`: the protocol with one guard left out; they must notice.
//!
//! `model` says what must hold, `load` what is asked for.

#![allow(clippy::unwrap_used)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod crash_points;
mod history;
mod limited;
mod listed;
mod load;
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
