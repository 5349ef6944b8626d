//! Workflows: tasks that belong together. A workflow is itself a task, of the kind `workflow`,
//! which the worker runs itself. Its steps follow each other. A step is one task or many at once,
//! its *members*, which are ordinary tasks. A chain has steps of one member, a group one step of
//! many, a chord one more step of one.
//!
//! A turn of a workflow (`turn`) enqueues the members of a step and ends as "waiting". Each member
//! increments a counter before its end is visible. The last one announces the next turn, which
//! reads how all have ended. So the counter only wakes. Only final outcomes decide, and they are
//! the same however often they are read.

pub(crate) mod gather;
pub(crate) mod keep;
pub(crate) mod members;
pub(crate) mod progress;
pub(crate) mod spec;
pub(crate) mod turn;
pub(crate) mod view;
