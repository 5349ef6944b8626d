//! The occurrences of a schedule. `Env` reads cron expressions: the parser is outside the engine.

use crate::base::config::{MISSED_MAX, MISSED_MS};
use crate::base::env::Env;
use crate::schedule::records::{Scheduler, Version};
use crate::schedule::spec::{Missed, Rule};
use crate::store::contract::Store;
use crate::store::record::is_time;

/// So many missed occurrences are counted at once.
const COUNTED_MAX: usize = 1_000;

impl<S: Store, E: Env> Scheduler<'_, S, E> {
    /// Finds the first occurrence after this time. A paused version has none.
    pub(crate) fn occurs_after(&self, version: &Version, after_ms: u64) -> Option<u64> {
        if version.paused {
            return None;
        }
        let at_ms = match &version.schedule.rule {
            Rule::Every(every_ms) => {
                let since_ms = after_ms.saturating_sub(version.put_ms);
                version.put_ms + (since_ms / every_ms + 1) * every_ms
            }
            Rule::Cron(cron) => {
                let after_ms = after_ms.max(version.put_ms);
                let at_ms = self.env.cron_after(cron, after_ms)?;
                // Otherwise it would occur for ever.
                at_ms.max(after_ms + 1)
            }
        };
        is_time(at_ms).then_some(at_ms)
    }

    /// Finds the last occurrence up to this time.
    fn occurred(&self, version: &Version, until_ms: u64) -> Option<u64> {
        let at_ms = match &version.schedule.rule {
            Rule::Every(every_ms) => until_ms - until_ms.checked_sub(version.put_ms)? % every_ms,
            Rule::Cron(cron) => self.env.cron_until(cron, until_ms)?.min(until_ms),
        };
        (at_ms > version.put_ms).then_some(at_ms)
    }

    /// Finds the time after which occurrences are enqueued. It is `after_ms`, or later if the next
    /// occurrence was missed.
    pub(crate) fn past_missed(&self, version: &Version, after_ms: u64, now_ms: u64) -> u64 {
        let in_time = |at_ms: u64| at_ms + MISSED_MS >= now_ms;
        let first_ms = self.occurs_after(version, after_ms);
        if first_ms.is_none_or(in_time) {
            return after_ms;
        }
        let Some(latest_ms) = self.occurred(version, now_ms) else {
            return after_ms;
        };
        let made_up_from_ms = match version.schedule.missed {
            Missed::Skip if !in_time(latest_ms) => return latest_ms,
            Missed::Skip | Missed::Latest => latest_ms,
            Missed::All => {
                let earlier = |&at_ms: &u64| self.occurred(version, at_ms - 1);
                let latest = std::iter::successors(Some(latest_ms), earlier);
                latest.take(MISSED_MAX).last().unwrap_or(latest_ms)
            }
        };
        (made_up_from_ms - 1).max(after_ms)
    }

    /// Counts the occurrences after one time up to another, of a cron expression at most
    /// [`COUNTED_MAX`].
    pub(crate) fn occurrences(&self, version: &Version, after_ms: u64, until_ms: u64) -> u64 {
        let next = |&at_ms: &u64| self.occurs_after(version, at_ms);
        let first_ms = self.occurs_after(version, after_ms);
        if let (Rule::Every(every_ms), Some(first_ms)) = (&version.schedule.rule, first_ms) {
            return (until_ms + every_ms).saturating_sub(first_ms) / every_ms;
        }
        let all = std::iter::successors(first_ms, next);
        all.take_while(|at_ms| *at_ms <= until_ms)
            .take(COUNTED_MAX)
            .count() as u64
    }

    /// Finds until when a keeper may fire this occurrence again, after one died in the middle.
    /// Until then its key must find the task.
    pub(crate) fn asked_until(&self, version: &Version, at_ms: u64, most_ms: u64) -> u64 {
        let later = match version.schedule.missed {
            Missed::Skip => 0,
            Missed::Latest => 1,
            Missed::All => MISSED_MAX,
        };
        let mut until_ms = at_ms;
        for _ in 0..later {
            match self.occurs_after(version, until_ms) {
                Some(next_ms) if next_ms < at_ms + most_ms => until_ms = next_ms,
                _ => return at_ms + most_ms,
            }
        }
        until_ms
    }
}
