//! Finding the next entry of a wheel, and deleting the counters of passed spans.

use crate::base::config::DELAY_MAX_MS;
use crate::base::env::Env;
use crate::store::contract::Store;
use crate::store::core::retrying;
use crate::store::error::QueueError;
use crate::timer::entry::{DUE, OLD};
use crate::timer::insert::{DAY, MINUTE, SPANS, SWEEP_LAG_S, Timer, count};

impl<S: Store, E: Env> Timer<'_, S, E> {
    /// Finds where the first keeper of a queue begins: at the first day that holds an entry, or
    /// yesterday.
    pub(crate) async fn first_s(&self) -> Result<u64, QueueError> {
        let now_s = self.env.now_ms() / 1_000;
        let yesterday = (now_s - now_s % DAY).saturating_sub(DAY);
        let mut day = yesterday.saturating_sub(DELAY_MAX_MS / 1_000);
        while day < yesterday {
            for wheel in [DUE, OLD] {
                let key = self.keys.bucket(wheel, 'd', day);
                // Of sixty reads in a row one would almost always fail on a store that fails now and
                // then.
                let counter = retrying(async || self.store.counter(&key).await).await?;
                if count(counter) > 0 {
                    return Ok(day);
                }
            }
            day += DAY;
        }
        Ok(day)
    }

    /// Finds the earliest second from `cursor_s` on that may hold an entry. It is exact in this
    /// minute, else it is the start of the minute, hour or day.
    pub(crate) async fn next_s(
        &self,
        wheel: char,
        cursor_s: u64,
    ) -> Result<Option<u64>, QueueError> {
        let end_s = self.env.now_ms() / 1_000 + DELAY_MAX_MS / 1_000 + 2 * DAY;
        self.search(wheel, cursor_s, end_s, false).await
    }

    /// Finds the earliest second from `cursor_s` to before `end_s` that may hold an entry, exactly.
    pub(crate) async fn overdue_s(
        &self,
        wheel: char,
        cursor_s: u64,
        end_s: u64,
    ) -> Result<Option<u64>, QueueError> {
        self.search(wheel, cursor_s, end_s, true).await
    }

    /// Finds the first span that may hold an entry, and the first second of it if that is to be
    /// `exact`.
    async fn search(
        &self,
        wheel: char,
        cursor_s: u64,
        end_s: u64,
        exact: bool,
    ) -> Result<Option<u64>, QueueError> {
        let mut at = self.past_unmarked(wheel, cursor_s).await?;
        'spans: while at < end_s {
            // From coarse to fine: an unmarked span is empty.
            for (unit, span) in SPANS.into_iter().chain([('s', 1)]) {
                if !at.is_multiple_of(span) {
                    continue;
                }
                let key = self.keys.bucket(wheel, unit, at);
                if count(self.store.counter(&key).await?) == 0 {
                    at += span;
                    continue 'spans;
                }
                if !exact {
                    break;
                }
            }
            return Ok(Some(at));
        }
        Ok(None)
    }

    /// Passes the rest of the longest span around `cursor_s` that is not marked, if there is one. No
    /// sweep has deleted the mark, since the wheel has not passed that span.
    async fn past_unmarked(&self, wheel: char, cursor_s: u64) -> Result<u64, QueueError> {
        for (unit, span) in SPANS {
            let start = cursor_s - cursor_s % span;
            if start == cursor_s {
                // The search begins with it.
                break;
            }
            let key = self.keys.bucket(wheel, unit, start);
            if count(self.store.counter(&key).await?) == 0 {
                return Ok(start + span);
            }
        }
        Ok(cursor_s)
    }

    /// Deletes the closed counters of spans that the wheel passed long ago. It takes at most
    /// `steps` spans, from `swept_s` on.
    pub(crate) async fn sweep(
        &self,
        wheel: char,
        swept_s: &mut u64,
        cursor_s: u64,
        steps: usize,
    ) -> Result<(), QueueError> {
        let end = cursor_s.saturating_sub(SWEEP_LAG_S);
        for _ in 0..steps {
            let Some((step, seconds)) = self.sweep_step(wheel, *swept_s, end).await? else {
                break;
            };
            if !seconds.is_empty() {
                self.store.delete_many(&seconds).await?;
            }
            let to = *swept_s + step;
            // Fine to coarse, one by one: a sweep that repeats after a failure must find the mark
            // of what is left.
            for (unit, span) in SPANS.into_iter().rev() {
                if to.is_multiple_of(span) {
                    let mark = self.keys.bucket(wheel, unit, to - span);
                    self.store.delete_many(&[mark]).await?;
                }
            }
            *swept_s = to;
        }
        Ok(())
    }

    /// Finds how far to sweep next, and the seconds' counters in that span. A mark goes once its
    /// span has been swept.
    async fn sweep_step(
        &self,
        wheel: char,
        at: u64,
        end: u64,
    ) -> Result<Option<(u64, Vec<String>)>, QueueError> {
        for (unit, span) in SPANS {
            if at.is_multiple_of(span) && at + span <= end {
                let mark = self
                    .store
                    .counter(&self.keys.bucket(wheel, unit, at))
                    .await?;
                if count(mark) == 0 {
                    return Ok(Some((span, Vec::new())));
                }
            }
        }
        let seconds = at..at + MINUTE;
        let keys = seconds.map(|s| self.keys.bucket(wheel, 's', s)).collect();
        Ok((at + MINUTE <= end).then_some((MINUTE, keys)))
    }
}
