//! The cursor of the keeper in the list of failed tasks.

use crate::store::record::{Validate, is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// How far the keeper has come with the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Passed {
    /// The first number that may still have an entry.
    pub(crate) first: u64,
    /// Numbers up to here were taken an hour ago: who took them has written the entry, or will not.
    pub(crate) end: u64,
    /// (time, number): numbers up to that were taken by then. Oldest first.
    pub(crate) samples: Vec<(u64, u64)>,
    /// When to look again.
    pub(crate) at_ms: u64,
}

impl Default for Passed {
    fn default() -> Self {
        Self {
            first: 1,
            end: 0,
            samples: Vec::new(),
            at_ms: 0,
        }
    }
}

impl Validate for Passed {
    fn is_valid(&self) -> bool {
        let sampled = |s: &(u64, u64)| is_time(s.0) && is_slot(s.1);
        is_slot(self.first)
            && is_slot(self.end.saturating_add(1))
            && is_time(self.at_ms)
            && self.samples.iter().all(sampled)
    }
}
