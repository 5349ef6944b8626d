//! Durations in fixed buckets. Unlike the percentiles of the last hour they only grow.

use crate::store::record::is_zero;
use serde::Deserialize;
use serde::Serialize;

/// The upper bounds of the buckets in milliseconds, inclusive. Behind the last one is a bucket
/// without a bound.
pub const BOUNDS_MS: [u64; 13] = [
    10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000,
];

/// How many durations fell into each bucket, and their sum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// The count of each bucket, without the empty ones at the end.
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<u64>,
    #[serde(rename = "ms", default, skip_serializing_if = "is_zero")]
    sum_ms: u64,
}

impl Durations {
    pub(crate) fn count(&mut self, ms: u64) {
        self.add_to(BOUNDS_MS.partition_point(|&bound| bound < ms), 1);
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (bucket, &count) in other.counts.iter().take(BOUNDS_MS.len() + 1).enumerate() {
            self.add_to(bucket, count);
        }
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
    }

    fn add_to(&mut self, bucket: usize, count: u64) {
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] = self.counts[bucket].saturating_add(count);
    }

    /// The number of durations.
    pub fn total(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum: u64, n| sum.saturating_add(*n))
    }

    /// The sum of all durations, in milliseconds.
    pub fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    /// For each of [`BOUNDS_MS`] the number of durations that do not exceed it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        BOUNDS_MS
            .into_iter()
            .zip(counts)
            .scan(0, |sum: &mut u64, (bound, n)| {
                *sum = sum.saturating_add(n);
                Some((bound, *sum))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_holds_it() {
        let mut durations = Durations::default();
        for ms in [0, 10, 11, 1_800_000, 1_800_001, u64::MAX] {
            durations.count(ms);
        }
        let cumulative: Vec<_> = durations.cumulative().collect();
        assert_eq!(cumulative[0], (10, 2));
        assert_eq!(cumulative[1], (50, 3));
        assert_eq!(cumulative[11], (300_000, 3));
        assert_eq!(cumulative[12], (1_800_000, 4));
        assert_eq!((durations.total(), durations.sum_ms()), (6, u64::MAX));
        let mut twice = durations.clone();
        twice.add(&durations);
        assert_eq!(twice.total(), 12);
        assert_eq!(
            Durations::default().cumulative().last(),
            Some((1_800_000, 0))
        );
    }
}
