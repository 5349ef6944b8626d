//! Histograms of lengths: counts per range, small enough to be stored with every pass of the
//! keeper.

use serde::Deserialize;
use serde::Serialize;

/// Each doubling is divided into so many ranges, so a length read from a range is at most an eighth
/// too long.
const PARTS: u64 = 8;

/// Counts (range, count) of the ranges that occur, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Histogram(pub(crate) Vec<(u32, u64)>);

/// The range of a length.
fn range(ms: u64) -> u32 {
    if ms < PARTS {
        return ms as u32;
    }
    let doublings = ms.ilog2() - PARTS.ilog2();
    doublings * PARTS as u32 + (ms >> doublings) as u32
}

/// The longest length of a range.
fn longest_ms(range: u32) -> u64 {
    let parts = PARTS as u32;
    if range < 2 * parts {
        return u64::from(range);
    }
    let doublings = (range / parts - 1).min(59);
    let first = u64::from(range % parts) + PARTS;
    ((first + 1) << doublings) - 1
}

impl Histogram {
    pub(crate) fn count(&mut self, ms: u64) {
        self.add(range(ms), 1);
    }

    pub(crate) fn add(&mut self, range: u32, count: u64) {
        match self.0.binary_search_by_key(&range, |&(r, _)| r) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
            Err(at) => self.0.insert(at, (range, count)),
        }
    }

    /// The sum of two histograms.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        for &(range, count) in &other.0 {
            self.add(range, count);
        }
        self
    }

    /// The length in milliseconds that this percentage of all does not exceed, or `None` if the
    /// histogram is empty.
    pub(crate) fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let all = self
            .0
            .iter()
            .fold(0, |all: u64, &(_, count)| all.saturating_add(count));
        let mut left = (u128::from(all) * u128::from(percent)).div_ceil(100).max(1);
        let found = self.0.iter().find(|&&(_, count)| {
            let found = u128::from(count) >= left;
            left = left.saturating_sub(count.into());
            found
        });
        found.map(|&(range, _)| longest_ms(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_in_a_range_that_is_little_longer() {
        let near =
            (0..70_000u64).chain((17..48).flat_map(|i| [(1 << i) - 1, 1 << i, (1 << i) + 1]));
        for ms in near {
            let longest = longest_ms(range(ms));
            assert!(
                longest >= ms && longest <= ms + ms / PARTS,
                "{ms}: {longest}"
            );
            assert_eq!(range(longest), range(ms));
            assert_eq!(range(longest + 1), range(ms) + 1);
        }
    }

    #[test]
    fn percentiles() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_ms(50), None);
        for ms in (1..=98).rev() {
            histogram.count(ms % 7);
        }
        histogram.count(900);
        let other = Histogram(vec![(range(60_000), 1)]);
        let both = histogram.with(&other);
        let found = [1, 50, 98, 99, 100].map(|percent| both.percentile_ms(percent));
        assert_eq!(found, [Some(0), Some(3), Some(6), Some(959), Some(61_439)]);
    }
}
