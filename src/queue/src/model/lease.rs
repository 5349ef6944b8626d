//! Leases: a run counts as lost after silence, or when it must have overrun its timeout.

use crate::base::config::{BEGIN_MS, CLOCK_SLACK_MS, HEARTBEAT_TIMEOUT_DEFAULT_MS};
use crate::base::guard::{Guard, enabled};
use crate::model::task::Task;

/// The times that decide about a task's leases, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) timeout_ms: u64,
    pub(crate) heartbeat_timeout_ms: u64,
}

impl Task {
    /// The task's lease. Each heartbeat renews it.
    pub(crate) fn lease(&self) -> Lease {
        Lease {
            timeout_ms: self.timeout_ms,
            heartbeat_timeout_ms: self.heartbeat_timeout_ms(),
        }
    }

    /// How long a run may be silent before it counts as lost, in milliseconds.
    pub fn heartbeat_timeout_ms(&self) -> u64 {
        let asked_ms = self.heartbeat_timeout_ms;
        asked_ms.unwrap_or(HEARTBEAT_TIMEOUT_DEFAULT_MS)
    }
}

impl Lease {
    /// Returns when a run counts as lost. It began at `begun_ms` at the latest, and its last
    /// heartbeat was at `heard_ms`.
    ///
    /// Silence needs no slack for clocks: heartbeats come every 5 s, and clocks differ by 3 s at
    /// most. The end of a timeout does, since its run may write its outcome at the last moment.
    pub(crate) fn lost_ms(self, begun_ms: u64, heard_ms: u64) -> u64 {
        let slack_ms = if enabled(Guard::LeaseSlack) {
            CLOCK_SLACK_MS
        } else {
            0
        };
        let overrun_ms = begun_ms + BEGIN_MS + self.timeout_ms + slack_ms;
        if !enabled(Guard::LostBySilence) {
            return overrun_ms;
        }
        overrun_ms.min(heard_ms + self.heartbeat_timeout_ms)
    }

    /// Returns when a delivery without a record counts as lost. Its ticket was taken at `taken_ms`
    /// at the latest. That time comes from a sample, up to 5 s later. So the delivery counts as
    /// last heard of 3 s earlier, within the difference of clocks.
    pub(crate) fn unmarked_lost_ms(self, taken_ms: u64) -> u64 {
        let heard_ms = taken_ms.saturating_sub(CLOCK_SLACK_MS);
        self.lost_ms(taken_ms, heard_ms)
    }
}
