//! The counts and lengths that the keeper collects for the statistics.

use crate::base::histogram::Histogram;
use crate::metrics::counts::Increments;
use crate::model::ended::Ended;
use crate::progress::running::RunningList;
use crate::runs::action::RescueAction;
use crate::store::record::{Validate, is_time};
use serde::Deserialize;
use serde::Serialize;

/// The length of a period, half an hour. Percentiles cover this period so far and the one before.
pub(crate) const PERIOD_MS: u64 = 1_800_000;

/// How long the tasks took that ended in one period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lengths {
    pub(crate) latency: Histogram,
    pub(crate) run: Histogram,
}

/// The counts of the keeper. They are stored with the cursors, so nothing is counted twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// What was counted since the last whole pass, which published the counts until then.
    #[serde(default, skip_serializing_if = "Increments::is_empty")]
    pub(crate) unpublished: Increments,
    /// The number of the current period, its lengths, and those of the period before.
    pub(crate) period: u64,
    pub(crate) current: Lengths,
    pub(crate) before: Lengths,
}

impl Validate for Tally {
    fn is_valid(&self) -> bool {
        is_time(self.period.saturating_mul(PERIOD_MS))
    }
}

impl Tally {
    /// Counts a slot that rescue passed. If an epoch was announced twice, only the slot that
    /// delivered it counts.
    pub(crate) fn passed(
        &mut self,
        running: &mut RunningList,
        slot: u64,
        action: &RescueAction,
        now_ms: u64,
    ) {
        let by_this = |ticket: Option<u64>| ticket.is_none_or(|ticket| ticket == slot);
        match action {
            RescueAction::Ended(ended) if by_this(ended.ticket) => self.count(ended, now_ms),
            RescueAction::Failed { kind, ticket } if by_this(*ticket) => self.failed(kind),
            RescueAction::Running {
                task,
                epoch,
                ticket,
                ..
            } if by_this(*ticket) => running.count(*task, *epoch),
            _ => {}
        }
    }

    /// Counts a delivery that the keeper examined. Rescue may have passed it while it ran.
    pub(crate) fn looked(
        &mut self,
        running: &mut RunningList,
        (task, epoch): (u64, u64),
        action: &RescueAction,
        now_ms: u64,
    ) {
        if matches!(action, RescueAction::Running { .. }) {
            return;
        }
        let counts = running.remove(task, epoch);
        match action {
            RescueAction::Ended(ended) if counts => self.count(ended, now_ms),
            RescueAction::Failed { kind, .. } if counts => self.failed(kind),
            _ => {}
        }
    }

    /// Counts a task of this kind whose home rescue passed.
    pub(crate) fn enqueued(&mut self, kind: &str) {
        let counts = self.unpublished.kinds.of(kind);
        counts.enqueued = counts.enqueued.saturating_add(1);
    }

    /// Counts missed occurrences of a schedule that got no task.
    pub(crate) fn missed(&mut self, schedule: &str, count: u64) {
        self.unpublished.miss(schedule, count);
    }

    fn failed(&mut self, kind: &str) {
        let counts = self.unpublished.kinds.of(kind);
        counts.attempts_failed = counts.attempts_failed.saturating_add(1);
    }

    fn count(&mut self, ended: &Ended, now_ms: u64) {
        self.turn(now_ms / PERIOD_MS);
        self.unpublished.kinds.of(&ended.kind).end(ended);
        if let Some(ms) = ended.latency_ms {
            self.current.latency.count(ms);
        }
        if let Some(ms) = ended.run_ms {
            self.current.run.count(ms);
        }
    }

    /// Moves on to this period, if it is a later one.
    pub(crate) fn turn(&mut self, period: u64) {
        if period <= self.period {
            return;
        }
        let current = std::mem::take(&mut self.current);
        let follows = period == self.period + 1;
        self.before = if follows { current } else { Lengths::default() };
        self.period = period;
    }
}
