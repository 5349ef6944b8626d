//! The keeper's cursor in the failed list.

use crate::store::record::{Validate, is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// The keeper's progress in the failed list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Passed {
    /// The first number that may still have an entry.
    pub(crate) first: u64,
    /// Numbers up to here were taken an hour ago. Their writers have written the entries, or never
    /// will.
    pub(crate) end: u64,
    /// Samples (time, number): numbers up to that were taken by then. Oldest first.
    pub(crate) samples: Vec<(u64, u64)>,
    /// The time of the next pass.
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
