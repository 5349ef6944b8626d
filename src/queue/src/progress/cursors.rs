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
    /// When the head was last found to have gone back, and by how many tickets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<(u64, u64)>,
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
            lost: None,
        }
    }

    /// Follows a head that went back, since the store lost its last writes: its tickets are given out
    /// again, later than the samples say. Rescue lags behind the head by more than a store loses. If
    /// it has passed the head all the same, nothing in this lane counts as settled. Returns by how
    /// many tickets the head went back at least.
    pub(crate) fn follow_back(&mut self, taken: u64, now_ms: u64) -> Option<u64> {
        let sampled = self.samples.last().map_or(0, |sample| sample.1);
        let lost = sampled.max(self.rescue - 1).saturating_sub(taken);
        if lost == 0 {
            return None;
        }
        self.samples.clear();
        if self.rescue - 1 > taken {
            *self = Self::first(Lane::of(self.rescue));
        }
        self.lost = Some((now_ms, lost));
        Some(lost)
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
            && self
                .lost
                .is_none_or(|(at_ms, by)| is_time(at_ms) && is_slot(by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_follow_a_head_that_went_back() {
        let mut cursors = Cursors {
            rescue: 8,
            samples: vec![(1_000, 8), (6_000, 12)],
            retain: 3,
            ..Cursors::first(Lane::Normal)
        };
        let before = cursors.clone();
        assert_eq!(cursors.follow_back(12, 9_000), None);
        assert_eq!(cursors, before, "it did not go back");
        assert_eq!(cursors.follow_back(9, 9_000), Some(3));
        assert!(cursors.samples.is_empty());
        assert_eq!((cursors.rescue, cursors.retain), (8, 3));
        assert_eq!(cursors.follow_back(4, 10_000), Some(3));
        assert_eq!((cursors.rescue, cursors.retain), (1, 1));
        assert_eq!(cursors.lost, Some((10_000, 3)));
    }
}
