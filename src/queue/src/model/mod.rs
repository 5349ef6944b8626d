//! The records of tasks and runs, and the transitions between them. Pure functions.

pub(crate) mod delivery;
pub(crate) mod effects;
pub(crate) mod ended;
pub(crate) mod lease;
pub(crate) mod receipt;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod slot;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod transition;
