//! The list of failed tasks. Whoever is about to write that a task failed takes the next number of a counter and puts the task
//! under it first, and the number into the outcome then. A number counts only if the task's final record holds it: who dies
//! in between, or is superseded, leaves an entry that nobody shows and the keeper deletes (`pass`).
//!
//! An entry goes when its task is retried (`again`) or discarded, and with the task.

pub(crate) mod again;
pub(crate) mod list;
pub(crate) mod page;
pub(crate) mod pass;
