//! The failed list. A writer of the outcome "failed" takes the next number of a counter and writes
//! the entry. Then it puts the number into the outcome. An entry counts only if the task's final
//! record holds its number. A writer that dies in between, or is superseded, leaves an entry that
//! no reader shows and the keeper deletes (`pass`).
//!
//! An entry goes when its task is retried (`again`) or discarded, and with the task.

pub(crate) mod again;
pub(crate) mod list;
pub(crate) mod page;
pub(crate) mod pass;
