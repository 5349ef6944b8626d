//! The retry policy: when a failed attempt is retried.

use crate::base::config::DELAY_MAX_MS;
use serde::Deserialize;
use serde::Serialize;

/// Exponential backoff with full jitter. After attempt k the wait is between 0 and
/// `initial_ms * factor^(k-1)`, at most `max_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The number of attempts, including the first one.
    #[serde(rename = "n")]
    pub attempts: u32,
    /// The longest wait after the first attempt, in milliseconds.
    #[serde(rename = "i")]
    pub initial_ms: u64,
    /// Each further attempt multiplies that wait by this factor.
    #[serde(rename = "f")]
    pub factor: f64,
    /// The longest wait, in milliseconds.
    #[serde(rename = "m")]
    pub max_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            initial_ms: 1_000,
            factor: 2.0,
            max_ms: 3_600_000,
        }
    }
}

impl RetryPolicy {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The wait in milliseconds after `attempt` (from 1) failed, for 64 random bits.
    ///
    /// ```
    /// let policy = handoff_queue::RetryPolicy::default();
    /// assert_eq!(policy.wait_ms(1, u64::MAX), 1_000);
    /// assert_eq!(policy.wait_ms(3, u64::MAX), 4_000);
    /// assert_eq!(policy.wait_ms(99, u64::MAX), 3_600_000);
    /// assert_eq!(policy.wait_ms(3, 0), 0);
    /// ```
    pub fn wait_ms(&self, attempt: u32, random: u64) -> u64 {
        let exponent = attempt.saturating_sub(1).min(i32::MAX as u32) as i32;
        let longest = self.initial_ms as f64 * self.factor.powi(exponent);
        // Infinity (factor^k overflows) or a value that is no number means the maximum.
        let longest = if longest < self.max_ms as f64 {
            longest as u64
        } else {
            self.max_ms
        };
        let longest = longest.min(DELAY_MAX_MS);
        // Scales 64 random bits to 0..=longest without a modulo's bias.
        ((u128::from(random) * u128::from(longest + 1)) >> 64) as u64
    }
}
