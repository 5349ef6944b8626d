//! Who is there: registrations in windows of [`WINDOW_MS`], so that the dead disappear by themselves.
//!
//! One counter per role and window: joining adds 1, leaving adds [`LEFT`], stepping aside adds [`COMPUTING`] and coming back
//! adds [`BACK`]. There is room for 32,767 of each in a window; beyond, too many or too few are woken until it is over. A role's member joins every window that it
//! lives through and leaves each before it looks at the queue for the last time. Whoever adds work writes first and
//! looks at the counter then; so one of the two always sees the other.

use crate::base::config::WINDOW_MS;
use crate::base::env::Env;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;

mechanism!(
    /// Who is registered: workers, and the keeper.
    Registry
);

/// Workers that take new tickets.
pub(crate) const WORKERS: char = 'w';

/// Who keeps time, rescues and cleans up.
pub(crate) const KEEPER: char = 'k';

const LEFT: u64 = 1 << 15;

const COMPUTING: u64 = LEFT << 15;

const BACK: u64 = COMPUTING << 15;

/// A window's counter, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presence(pub(crate) u64);

impl Presence {
    /// How many joined this window and have neither left it nor stepped aside.
    pub(crate) fn present(self) -> u64 {
        let gone = self.count(LEFT) + self.computing();
        self.joined().saturating_sub(gone)
    }

    /// How many joined this window at all.
    pub(crate) fn joined(self) -> u64 {
        self.count(1)
    }

    /// How many have stepped aside, to compute.
    pub(crate) fn computing(self) -> u64 {
        self.count(COMPUTING).saturating_sub(self.count(BACK))
    }

    /// How often `unit` was added.
    pub(crate) fn count(self, unit: u64) -> u64 {
        self.0 / unit % LEFT
    }
}

pub(crate) fn window(now_ms: u64) -> u64 {
    now_ms / WINDOW_MS
}

impl<S: Store, E: Env> Registry<'_, S, E> {
    pub(crate) async fn presence(&self, role: char) -> Result<Presence, StoreError> {
        let key = self.keys.presence(role, window(self.env.now_ms()));
        Ok(Presence(self.store.counter(&key).await?))
    }

    pub(crate) async fn join(&self, role: char, window: u64) -> Result<Presence, StoreError> {
        let key = self.keys.presence(role, window);
        Ok(Presence(self.store.increment(&key, 1).await?))
    }

    pub(crate) async fn leave(&self, role: char, window: u64) -> Result<Presence, StoreError> {
        let key = self.keys.presence(role, window);
        Ok(Presence(self.store.increment(&key, LEFT).await?))
    }

    pub(crate) async fn set_computing(
        &self,
        window: u64,
        computing: bool,
    ) -> Result<Presence, StoreError> {
        let key = self.keys.presence(WORKERS, window);
        let delta = if computing { COMPUTING } else { BACK };
        Ok(Presence(self.store.increment(&key, delta).await?))
    }

    /// Registers as the keeper of this window if nobody is. Without `again` also only if nobody was: one pass of the
    /// keeper's work per window is enough. Two keepers at once would be harmless, only wasteful.
    pub(crate) async fn take_keeper(&self, again: bool) -> Result<Option<u64>, StoreError> {
        let seen = self.presence(KEEPER).await?;
        if seen.present() > 0 || (seen.joined() > 0 && !again) {
            return Ok(None);
        }
        let window = window(self.env.now_ms());
        loop {
            // 0 where somebody left once too often, after a call that failed.
            if self.join(KEEPER, window).await?.present() <= 1 {
                return Ok(Some(window));
            }
            // Of several that hinder each other the last to step back sees that nobody is left, and tries again.
            if self.leave(KEEPER, window).await?.present() > 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_who_is_left() {
        let table = [
            (0, 0, 0),
            (1, 1, 1),
            (3 + LEFT, 3, 2),
            (3 + 3 * LEFT, 3, 0),
            // A leave whose join was lost must not hide the others' absence.
            (LEFT, 0, 0),
            (3 + LEFT + COMPUTING, 3, 1),
            (3 + LEFT + 2 * COMPUTING, 3, 0),
            (1 + 5 * COMPUTING, 1, 0),
            // Who computes one task after the other steps aside and comes back each time.
            (3 + LEFT + 1_000 * COMPUTING + 999 * BACK, 3, 1),
            (3 + 1_000 * COMPUTING + 1_000 * BACK, 3, 3),
            // A step back whose step aside was lost.
            (3 + BACK, 3, 3),
        ];
        for (counter, joined, present) in table {
            let p = Presence(counter);
            assert_eq!((p.joined(), p.present()), (joined, present), "{counter}");
        }
        // Some stores tell counters from text by that.
        let most = (LEFT - 1) * (1 + LEFT + COMPUTING + BACK);
        assert!(most < 3_000_000_000_000_000_000);
    }
}
