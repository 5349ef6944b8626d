//! Random numbers from the standard library, whose hash keys come from the operating system.

use std::hash::{BuildHasher, RandomState};

/// The hash of a number under a key of 128 random bits.
fn hash(state: &RandomState, number: u64) -> u64 {
    state.hash_one(number)
}

/// 128 random bits in hexadecimal digits: an idempotency key.
pub(crate) fn key() -> String {
    let (one, other) = (RandomState::new(), RandomState::new());
    format!("{:016x}{:016x}", hash(&one, 1), hash(&other, 2))
}

/// A number from 0 up to, not including, 1.
pub(crate) fn fraction() -> f64 {
    // 53 bits are what a float holds.
    (hash(&RandomState::new(), 0) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_fractions_are_spread() {
        let keys: std::collections::BTreeSet<_> = (0..1_000).map(|_| key()).collect();
        assert_eq!(keys.len(), 1_000);
        assert!(keys.iter().all(|key| key.len() == 32));
        let mean = (0..1_000).map(|_| fraction()).sum::<f64>() / 1_000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
