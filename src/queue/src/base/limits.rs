//! The limits of queues, keys and workers, as a deployment sets them.

use crate::base::config::RESULT_MAX_BYTES;

/// A rate: so many tasks may begin in each period. Around the end of a period twice as many may
/// begin within one period's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number of tasks; at least one.
    pub count: u64,
    /// The length of a period in seconds. All periods are counted from 1970.
    pub period_s: u64,
}

impl Rate {
    /// The end of the present period, in seconds since 1970.
    pub(crate) fn end_s(self, now_ms: u64) -> u64 {
        (now_ms / 1_000 / self.period_s.max(1) + 1) * self.period_s.max(1)
    }
}

/// The limits of a queue. A queue without limits makes no store call for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The number of tasks that may run at once; at least one.
    pub concurrency: Option<u64>,
    /// The number of tasks that may begin in a period.
    pub rate: Option<Rate>,
    /// The limits of each key.
    pub per_key: KeyLimits,
}

/// The limits of the tasks of each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyLimits {
    /// The number of tasks that may run at once; at least one.
    pub concurrency: Option<u64>,
    /// The number of tasks that may begin in a period, which is a minute or longer.
    pub rate: Option<Rate>,
}

impl KeyLimits {
    /// Whether no key has a limit.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Limits {
    /// Whether the queue as a whole has no limit.
    pub(crate) fn is_none(&self) -> bool {
        self.concurrency.is_none() && self.rate.is_none()
    }
}

/// The limits of one worker.
#[derive(Debug, Clone, Copy)]
pub struct WorkerLimits {
    /// The worker takes new tasks for this long, in milliseconds, and hands over to a successor
    /// then. It is below the host's request limit.
    pub budget_ms: u64,
    /// The most tickets of one claim.
    pub batch_max: u64,
    /// The most tasks in progress at once.
    pub in_progress_max: usize,
    /// The most workers that compute in one window of 5 s.
    pub workers_max: u64,
    /// The most bytes of JSON that a result or checkpoint may have.
    pub result_max_bytes: u64,
    /// Whether the host lets a worker outlive the one that wakes it. If not, no successor is waited
    /// for.
    pub wakes_others: bool,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            budget_ms: 25_000,
            batch_max: 64,
            in_progress_max: 256,
            workers_max: 16,
            result_max_bytes: RESULT_MAX_BYTES,
            wakes_others: true,
        }
    }
}
