//! The records of runs: reading them, ending runs, deciding tasks.

pub(crate) mod action;
pub(crate) mod attempt;
pub(crate) mod decide;
pub(crate) mod killers;
pub(crate) mod members;
pub(crate) mod read;
pub(crate) mod view;
