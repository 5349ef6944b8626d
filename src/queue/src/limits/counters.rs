//! The counters of limits: how much of a queue runs at once, and how much begins in a period, over
//! all workers.
//!
//! Workers hold permits, not tasks. A permit is counted in this window and in the next. So there is
//! no gap between the two, and permits of the dead lapse with the next window. Tokens are counted
//! per period, and taken before tickets. A worker reads a counter before it takes anything, so an
//! exhausted limit costs no write. Returns are counted in the high bits.

use crate::base::config::{CLOCK_SLACK_MS, KEY_WINDOW_MS, WINDOW_MS};
use crate::base::env::Env;
use crate::presence::window;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;

mechanism!(
    /// The counters of a queue's limits, and of those of its keys.
    LimitCounters
);

/// How often a worker tries again after others took at the same moment.
const TRIES: usize = 3;

/// A permit or token that is given back adds this. It is above all that can be taken in an hour,
/// the longest period.
const RETURNED: u64 = 1 << 30;

fn not_returned(counter: u64) -> u64 {
    (counter % RETURNED).saturating_sub(counter / RETURNED)
}

impl<S: Store, E: Env> LimitCounters<'_, S, E> {
    /// Whether no task may begin at this moment. Permits that others hold only for a moment count.
    pub(crate) async fn is_full(&self) -> Result<bool, StoreError> {
        let now_ms = self.env.now_ms();
        if let Some(limit) = self.limits.concurrency {
            for window in [window(now_ms), window(now_ms) + 1] {
                if self.taken(&self.keys.permits(window)).await? >= limit {
                    return Ok(true);
                }
            }
        }
        let Some(rate) = self.limits.rate else {
            return Ok(false);
        };
        let tokens = self.keys.tokens(rate.end_s(now_ms));
        Ok(self.taken(&tokens).await? >= rate.count)
    }

    /// Reads how many tasks of a key may begin at this moment.
    pub(crate) async fn key_room(&self, key: &str) -> Result<u64, StoreError> {
        let now_ms = self.env.now_ms();
        let limits = self.limits.per_key;
        let mut room = u64::MAX;
        if let Some(limit) = limits.concurrency {
            let here = now_ms / KEY_WINDOW_MS;
            for window in [here, here + 1] {
                let held = self.taken(&self.keys.key_permits(key, window)).await?;
                room = room.min(limit.saturating_sub(held));
            }
        }
        if let Some(rate) = limits.rate {
            let tokens = self.keys.key_tokens(key, rate.end_s(now_ms));
            let taken = self.taken(&tokens).await?;
            room = room.min(rate.count.saturating_sub(taken));
        }
        Ok(room)
    }

    /// The last window that may have counters of this queue's limits by now.
    pub(crate) fn last_limited(&self, now_ms: u64) -> Option<u64> {
        let period_s = self.limits.rate.map_or(0, |rate| rate.period_s);
        let last_ms = now_ms + CLOCK_SLACK_MS + period_s * 1_000;
        (!self.limits.is_none()).then_some(window(last_ms) + 1)
    }

    /// The limit counters of a window: its permits, and the tokens of periods that end in it.
    pub(crate) fn limit_keys(&self, window: u64) -> impl Iterator<Item = String> {
        let seconds = window * WINDOW_MS / 1_000..(window + 1) * WINDOW_MS / 1_000;
        let tokens = seconds.map(|s| self.keys.tokens(s));
        std::iter::once(self.keys.permits(window)).chain(tokens)
    }

    /// Reads how much was taken and not given back.
    pub(crate) async fn taken(&self, key: &str) -> Result<u64, StoreError> {
        Ok(not_returned(self.store.counter(key).await?))
    }

    /// Takes as much of `wanted` as keeps the counter within `limit`.
    pub(crate) async fn take_within(
        &self,
        key: &str,
        mut wanted: u64,
        limit: u64,
    ) -> Result<u64, StoreError> {
        for _ in 0..TRIES {
            if wanted == 0 {
                break;
            }
            let after = not_returned(self.store.increment(key, wanted).await?);
            let over = after.saturating_sub(limit).min(wanted);
            if over == 0 {
                return Ok(wanted);
            }
            let left = self.give_back(key, over).await?;
            if over < wanted {
                return Ok(wanted - over);
            }
            // Of several that take at once the last to give back sees that there is room.
            wanted = wanted.min(limit.saturating_sub(left));
        }
        Ok(0)
    }

    /// Gives back what exceeds the limit, or is no longer needed. Returns how much is still taken.
    /// A caller must not repeat a failed call: it may have been applied, and a second return would
    /// give back another worker's.
    pub(crate) async fn give_back(&self, key: &str, count: u64) -> Result<u64, StoreError> {
        let after = self.store.increment(key, count * RETURNED).await?;
        Ok(not_returned(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::Rate;

    #[test]
    fn what_was_given_back_is_not_taken() {
        let most = RETURNED - 1;
        let table = [
            (0, 0, 0),
            (3, 0, 3),
            (3, 2, 1),
            (3, 3, 0),
            // A return that was applied although its call failed, and whose take was not counted.
            (3, 4, 0),
            (most, most - 1, 1),
        ];
        for (taken, returned, left) in table {
            let counter = taken + returned * RETURNED;
            assert!(counter < 3_000_000_000_000_000_000);
            assert_eq!(not_returned(counter), left, "{taken} - {returned}");
        }
    }

    #[test]
    fn a_period_is_named_by_its_end() {
        let rate = |period_s| Rate { count: 1, period_s };
        assert_eq!(rate(1).end_s(5_999), 6);
        assert_eq!(rate(1).end_s(6_000), 7);
        assert_eq!(rate(60).end_s(119_999), 120);
        assert_eq!(rate(0).end_s(1_000), 2);
    }
}
