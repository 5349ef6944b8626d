//! The metrics of a queue: counters that never fall, whichever keeper writes last.
//!
//! Each pass of a keeper publishes what it counted as a record with a number of its own. The totals
//! are the sum of all publications, so no keeper overwrites the counts of another one.

pub(crate) mod counts;
pub(crate) mod durations;
pub(crate) mod publish;
pub(crate) mod totals;
