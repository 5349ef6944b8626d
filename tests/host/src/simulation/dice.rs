//! Chance, from a seed.

use std::sync::{Mutex, PoisonError};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub(super) struct Dice(Mutex<SmallRng>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(SmallRng::seed_from_u64(seed)))
    }

    fn next(&self) -> u64 {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        dice.next_u64()
    }

    /// A number below this one, or 0.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// True so many times of ten thousand.
    pub(super) fn chance(&self, per_10_000: u64) -> bool {
        self.below(10_000) < per_10_000
    }

    pub(super) fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    pub(super) fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// Dice for one instance.
    pub(super) fn split(&self) -> SmallRng {
        SmallRng::seed_from_u64(self.next())
    }
}
