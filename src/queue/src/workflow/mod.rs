//! Workflows: tasks that belong together. A workflow is itself a task, of the kind [`WORKFLOW`], which the worker runs by
//! itself. Its steps follow each other; a step is one task or many at once, its *members*, which are tasks like any other.
//! A chain is a workflow whose steps have one member each; a group has one step with many; a chord has one more behind it.
//!
//! A turn of a workflow (`turn`) enqueues the members of a step and ends, waiting. Every member counts itself before its end
//! can be seen (`count`); who is the last announces the workflow's next turn, which looks how all have ended. So the counter
//! only wakes: what counts is how the members ended, which is final and the same however often anybody looks.

pub(crate) mod gather;
pub(crate) mod keep;
pub(crate) mod members;
pub(crate) mod progress;
pub(crate) mod spec;
pub(crate) mod turn;
pub(crate) mod view;
