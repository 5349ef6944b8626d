//! The counts of one kind of task.

use crate::base::config::SCHEDULES_MAX;
use crate::metrics::durations::Durations;
use crate::model::ended::{Counts, Ended};
use crate::store::record::is_zero;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

/// So many kinds are counted by name. All others count as [`OTHER`].
pub(crate) const KINDS_MAX: usize = 50;

/// The name under which further kinds are counted, and tasks whose kind is not known.
pub const OTHER: &str = "other";

/// The counts of one kind of task. Each only grows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Tasks that were enqueued. One that waits to begin is not counted yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub enqueued: u64,
    /// Tasks that ended, by how.
    #[serde(default)]
    pub ended: Counts,
    /// Attempts that returned an error, panicked or overran their timeout.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_failed: u64,
    /// Runs that were lost, of tasks that ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub runs_lost: u64,
    /// From when a task could begin to the start of its first attempt.
    #[serde(default)]
    pub wait: Durations,
    /// The lengths of the last attempts.
    #[serde(default)]
    pub run: Durations,
    /// From when a task could begin to its end.
    #[serde(default)]
    pub latency: Durations,
}

impl TaskCounts {
    pub(crate) fn end(&mut self, ended: &Ended) {
        self.ended.count(ended.how);
        self.attempts_failed = self
            .attempts_failed
            .saturating_add(ended.failed_attempt.into());
        self.runs_lost = self.runs_lost.saturating_add(ended.lost.into());
        for (durations, ms) in [
            (&mut self.wait, ended.wait_ms),
            (&mut self.run, ended.run_ms),
            (&mut self.latency, ended.latency_ms),
        ] {
            if let Some(ms) = ms {
                durations.count(ms);
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.enqueued = self.enqueued.saturating_add(other.enqueued);
        self.ended.add(other.ended);
        self.attempts_failed = self.attempts_failed.saturating_add(other.attempts_failed);
        self.runs_lost = self.runs_lost.saturating_add(other.runs_lost);
        self.wait.add(&other.wait);
        self.run.add(&other.run);
        self.latency.add(&other.latency);
    }
}

/// Counts by kind, for at most [`KINDS_MAX`] kinds and all others together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KindCounts(pub(crate) BTreeMap<String, TaskCounts>);

impl KindCounts {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The counts of a kind. The first kinds have names.
    pub(crate) fn of(&mut self, kind: &str) -> &mut TaskCounts {
        let named = self.0.len() - usize::from(self.0.contains_key(OTHER));
        let has_place = self.0.contains_key(kind) || named < KINDS_MAX;
        let kind = match kind {
            "" => OTHER,
            kind if has_place => kind,
            _ => OTHER,
        };
        self.0.entry(kind.to_owned()).or_default()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (kind, counts) in &other.0 {
            self.of(kind).add(counts);
        }
    }
}

/// What keepers counted: all passes, or one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Increments {
    #[serde(default, skip_serializing_if = "KindCounts::is_empty")]
    pub(crate) kinds: KindCounts,
    /// Missed occurrences by schedule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) missed: BTreeMap<String, u64>,
}

impl Increments {
    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.missed.is_empty()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.kinds.add(&other.kinds);
        for (schedule, &count) in &other.missed {
            self.miss(schedule, count);
        }
    }

    /// Counts missed occurrences of a schedule. At most [`SCHEDULES_MAX`] schedules have names.
    pub(crate) fn miss(&mut self, schedule: &str, count: u64) {
        let has_place = self.missed.contains_key(schedule) || self.missed.len() < SCHEDULES_MAX;
        let name = if has_place { schedule } else { OTHER };
        let sum = self.missed.entry(name.to_owned()).or_default();
        *sum = sum.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_kinds_are_counted_together() {
        let mut counts = KindCounts::default();
        counts.of("").enqueued += 1;
        for i in 0..KINDS_MAX + 3 {
            counts.of(&format!("kind{i}")).enqueued += 1;
        }
        counts.of("kind0").enqueued += 1;
        assert_eq!(counts.0.len(), KINDS_MAX + 1);
        assert_eq!(counts.0[OTHER].enqueued, 4);
        assert_eq!(counts.0["kind0"].enqueued, 2);
    }
}
