//! The keeper: whoever registers first in a window turns the timer, rescues, and cleans up. Two at once are harmless.

pub(crate) mod lanes;
pub(crate) mod pass;
pub(crate) mod retention;
pub(crate) mod running;
pub(crate) mod wheels;
