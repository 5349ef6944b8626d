//! The keeper: the worker that turns the timer, rescues and deletes, in this window. Two keepers at
//! once are harmless.

pub(crate) mod clocks;
pub(crate) mod lanes;
pub(crate) mod pass;
pub(crate) mod retention;
pub(crate) mod running;
pub(crate) mod wheels;
