//! The runs of tasks in the store: reading them, ending them, deciding tasks.

pub(crate) mod action;
pub(crate) mod attempt;
pub(crate) mod decide;
pub(crate) mod killers;
pub(crate) mod members;
pub(crate) mod read;
pub(crate) mod view;
