//! Registrations of workers and of the keeper, in windows of [`WINDOW_MS`]. The dead are absent
//! from later windows.
//!
//! Each role has one counter per window. Joining adds 1, leaving adds [`LEFT`], beginning to
//! compute adds [`COMPUTING`], and ending to compute adds [`BACK`]. A window counts up to 32,767 of
//! each. Beyond that too many or too few workers are woken until the window is over.
//!
//! A member joins every window that it lives through. It leaves each before it reads the queue for
//! the last time. An enqueuer writes first and reads the counter then. So one of the two always
//! sees the other.

use crate::base::config::WINDOW_MS;
use crate::base::env::Env;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;

mechanism!(
    /// The registrations of workers and of the keeper.
    Registry
);

/// The role of workers that take tickets.
pub(crate) const WORKERS: char = 'w';

/// The role of the keeper.
pub(crate) const KEEPER: char = 'k';

const LEFT: u64 = 1 << 15;

const COMPUTING: u64 = LEFT << 15;

const BACK: u64 = COMPUTING << 15;

/// A reading of a window's counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presence(pub(crate) u64);

impl Presence {
    /// Members that joined this window, and neither left nor compute.
    pub(crate) fn present(self) -> u64 {
        let gone = self.count(LEFT) + self.computing();
        self.joined().saturating_sub(gone)
    }

    /// Members that joined this window.
    pub(crate) fn joined(self) -> u64 {
        self.count(1)
    }

    /// Members that compute.
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
    /// The counter of a role in this window.
    pub(crate) fn key(&self, role: char) -> String {
        self.keys.presence(role, window(self.env.now_ms()))
    }

    pub(crate) async fn presence(&self, role: char) -> Result<Presence, StoreError> {
        Ok(Presence(self.store.counter(&self.key(role)).await?))
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

    /// Registers as the keeper of this window if none is registered. Without `again` it registers
    /// only if none ever was, since one whole pass per window is enough. Two keepers at once would
    /// be harmless, only wasteful.
    pub(crate) async fn take_keeper(&self, again: bool) -> Result<Option<u64>, StoreError> {
        let seen = self.presence(KEEPER).await?;
        if seen.present() > 0 || (seen.joined() > 0 && !again) {
            return Ok(None);
        }
        let window = window(self.env.now_ms());
        loop {
            // The answer is 0 if a member left once too often, after a failed call.
            if self.join(KEEPER, window).await?.present() <= 1 {
                return Ok(Some(window));
            }
            // Of several that join at once the last to step back sees that none is left, and tries
            // again.
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
            // A leave whose join was lost must not make a registered member look absent.
            (LEFT, 0, 0),
            (3 + LEFT + COMPUTING, 3, 1),
            (3 + LEFT + 2 * COMPUTING, 3, 0),
            (1 + 5 * COMPUTING, 1, 0),
            // A worker that computes one task after the other adds both each time.
            (3 + LEFT + 1_000 * COMPUTING + 999 * BACK, 3, 1),
            (3 + 1_000 * COMPUTING + 1_000 * BACK, 3, 3),
            // An end to compute whose begin was lost.
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
