//! The totals: the sum of all publications, and the same by time.

use crate::metrics::counts::{Increments, TaskCounts};
use crate::model::ended::Counts;
use crate::store::record::{Validate, is_slot, is_time, is_zero};
use serde::Deserialize;
use serde::Serialize;

/// The periods of time in which the history counts: minutes, then hours.
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

/// A sample is taken this often.
const SAMPLE_MS: u64 = 10 * MINUTE_MS;

/// The history goes back so many minutes, and so many hours.
const MINUTES: u64 = 60;
const HOURS: u64 = 24;

/// What one pass of a keeper counted. It never changes once it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Publication {
    pub(crate) at_ms: u64,
    #[serde(flatten)]
    pub(crate) counted: Increments,
}

impl Validate for Publication {
    fn is_valid(&self) -> bool {
        is_time(self.at_ms)
    }
}

/// What was counted in a minute or an hour, over all kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// When it began, in milliseconds since 1970.
    #[serde(rename = "at")]
    pub from_ms: u64,
    /// Tasks that were enqueued, as for [`TaskCounts::enqueued`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub enqueued: u64,
    /// Tasks that ended, by how.
    #[serde(default)]
    pub ended: Counts,
    /// Attempts that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_failed: u64,
    /// The number of tasks in `waited_ms`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited: u64,
    /// How long these waited for their first attempt, together, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited_ms: u64,
}

impl Period {
    fn add(&mut self, counts: &TaskCounts) {
        self.enqueued = self.enqueued.saturating_add(counts.enqueued);
        self.ended.add(counts.ended);
        self.attempts_failed = self.attempts_failed.saturating_add(counts.attempts_failed);
        self.waited = self.waited.saturating_add(counts.wait.total());
        self.waited_ms = self.waited_ms.saturating_add(counts.wait.sum_ms());
    }
}

/// The sum of the publications 1 to `folded`. All keepers that store the sum of the same
/// publications store the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) folded: u64,
    /// Publications up to here are deleted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) deleted: u64,
    /// Samples (time, number): totals with the publications up to that were stored then. Oldest
    /// first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) samples: Vec<(u64, u64)>,
    #[serde(flatten)]
    pub(crate) counted: Increments,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) minutes: Vec<Period>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hours: Vec<Period>,
}

impl Validate for Totals {
    fn is_valid(&self) -> bool {
        let periods = self.minutes.iter().chain(&self.hours);
        is_slot(self.folded.saturating_add(1))
            && self.deleted <= self.folded
            && self
                .samples
                .iter()
                .all(|s| is_time(s.0) && s.1 <= self.folded)
            && periods.map(|period| period.from_ms).all(is_time)
    }
}

impl Totals {
    /// Notes what these totals have, as they are about to be stored.
    pub(crate) fn sample(&mut self, now_ms: u64) {
        let last_ms = self.samples.last().map_or(0, |sample| sample.0);
        if now_ms >= last_ms + SAMPLE_MS {
            self.samples.push((now_ms, self.folded));
        }
    }

    /// The last publication that stored totals had at this time. Forgets earlier samples.
    pub(crate) fn outlived(&mut self, at_ms: u64) -> u64 {
        let over = self.samples.partition_point(|sample| sample.0 <= at_ms);
        let passed = over.checked_sub(1).map_or(0, |last| self.samples[last].1);
        self.samples.drain(..over.saturating_sub(1));
        passed.max(self.deleted)
    }

    /// Leaves out what is more than an hour, and a day, before this time.
    pub(crate) fn forget_before(&mut self, now_ms: u64) {
        for (periods, length_ms, kept) in [
            (&mut self.minutes, MINUTE_MS, MINUTES),
            (&mut self.hours, HOUR_MS, HOURS),
        ] {
            let first_ms = first_kept_ms(now_ms, length_ms, kept);
            periods.retain(|period| period.from_ms >= first_ms);
        }
    }

    pub(crate) fn add(&mut self, publication: &Publication) {
        self.counted.add(&publication.counted);
        let at_ms = publication.at_ms;
        for counts in publication.counted.kinds.0.values() {
            period_at(&mut self.minutes, at_ms, MINUTE_MS, MINUTES).add(counts);
            period_at(&mut self.hours, at_ms, HOUR_MS, HOURS).add(counts);
        }
    }
}

/// When the first of so many periods began, of which the last one has this time.
fn first_kept_ms(now_ms: u64, length_ms: u64, kept: u64) -> u64 {
    (now_ms / length_ms).saturating_sub(kept - 1) * length_ms
}

/// The period of a time. Periods that are too long ago are left out. A clock behind counts in the
/// oldest period that is kept.
fn period_at(periods: &mut Vec<Period>, at_ms: u64, length_ms: u64, kept: u64) -> &mut Period {
    let latest_ms = periods.last().map_or(0, |period| period.from_ms).max(at_ms);
    let first_ms = first_kept_ms(latest_ms, length_ms, kept);
    periods.retain(|period| period.from_ms >= first_ms);
    let from_ms = (at_ms / length_ms * length_ms).max(first_ms);
    let at = periods.partition_point(|period| period.from_ms < from_ms);
    if periods
        .get(at)
        .is_none_or(|period| period.from_ms != from_ms)
    {
        let period = Period {
            from_ms,
            ..Period::default()
        };
        periods.insert(at, period);
    }
    &mut periods[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(at_ms: u64) -> Publication {
        let mut counted = Increments::default();
        counted.kinds.of("a").enqueued = 1;
        Publication { at_ms, counted }
    }

    #[test]
    fn the_history_has_the_last_hour_and_day() {
        let mut totals = Totals::default();
        for minute in 0..3 * 24 * 60 {
            totals.add(&publication(minute * MINUTE_MS + 7));
        }
        assert_eq!((totals.minutes.len(), totals.hours.len()), (60, 24));
        assert!(totals.minutes.iter().all(|period| period.enqueued == 1));
        assert!(totals.hours.iter().all(|period| period.enqueued == 60));
        // A keeper whose clock is behind, by little and by much.
        let last_ms = totals.minutes[59].from_ms;
        totals.add(&publication(last_ms - MINUTE_MS));
        totals.add(&publication(0));
        assert_eq!(totals.minutes[58].enqueued, 2);
        assert_eq!(totals.minutes[0].enqueued, 2);
        // After a long time nothing is left but this.
        totals.add(&publication(last_ms + 90 * HOUR_MS));
        assert_eq!((totals.minutes.len(), totals.hours.len()), (1, 1));
        assert_eq!(totals.counted.kinds.0["a"].enqueued, 3 * 24 * 60 + 3);
    }
}
