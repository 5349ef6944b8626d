//! Random decisions, which a seed repeats.

use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;

/// A stream of random numbers: splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    /// One of the streams of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(Self(seed).next() ^ stream)
    }

    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.within(1..=count) == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.within(0..=of.len() as u64 - 1) as usize]
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The seed that HANDOFF_SEED gives, or a new one.
pub(crate) fn seed() -> u64 {
    number("HANDOFF_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000)
}

/// The number that a variable of the environment gives.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}
