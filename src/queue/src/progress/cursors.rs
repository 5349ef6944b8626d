//! The keeper's cursors in one lane.

use crate::base::priority::Lane;
use crate::store::record::{Validate, is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// The cursors of a lane. Everything before a cursor is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursors {
    /// The next slot that rescue passes.
    pub rescue: u64,
    /// Samples (time, head): tickets up to `head` were given out by then. Oldest first.
    pub samples: Vec<(u64, u64)>,
    /// The next slot that retention examines, the time when it does, and the slot where it ends.
    pub retain: u64,
    pub retain_at_ms: u64,
    pub retain_end: u64,
    /// (time, rescue): retention ends where rescue was an hour ago. Oldest first.
    pub aged: Vec<(u64, u64)>,
}

impl Cursors {
    pub(crate) fn first(lane: Lane) -> Self {
        let first = lane.base() + 1;
        Self {
            rescue: first,
            samples: Vec::new(),
            retain: first,
            retain_at_ms: 0,
            retain_end: first,
            aged: Vec::new(),
        }
    }

    /// Whether all cursors are slots of this lane.
    pub(crate) fn are_in(&self, lane: Lane) -> bool {
        let slots = [self.rescue, self.retain, self.retain_end];
        slots.into_iter().all(|slot| Lane::of(slot) == lane) && self.is_valid()
    }
}

impl Validate for Cursors {
    fn is_valid(&self) -> bool {
        let slots = [self.rescue, self.retain, self.retain_end];
        let sampled = |s: &(u64, u64)| is_time(s.0) && is_slot(s.1.saturating_add(1));
        slots.into_iter().all(is_slot)
            && self.samples.iter().chain(&self.aged).all(sampled)
            && is_time(self.retain_at_ms)
    }
}
