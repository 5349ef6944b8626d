//! The limits of queues, keys and workers, as a deployment sets them.

use crate::base::config::RESULT_MAX_BYTES;

/// So many tasks may begin in each period: at most twice as many around the end of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least one.
    pub count: u64,
    /// How long a period is, in seconds. All begin together, counted from 1970.
    pub period_s: u64,
}

impl Rate {
    /// When the period ends that is now, in seconds since 1970.
    pub(crate) fn end_s(self, now_ms: u64) -> u64 {
        (now_ms / 1_000 / self.period_s.max(1) + 1) * self.period_s.max(1)
    }
}

/// What may run of a queue. Without any of them it costs no store call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How many tasks may run at once; at least one.
    pub concurrency: Option<u64>,
    /// How many may begin in a period.
    pub rate: Option<Rate>,
    /// The same for the tasks of each key.
    pub per_key: KeyLimits,
}

/// What may run of the tasks of each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyLimits {
    /// How many may run at once; at least one.
    pub concurrency: Option<u64>,
    /// How many may begin in a period of a minute or longer.
    pub rate: Option<Rate>,
}

impl KeyLimits {
    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Limits {
    /// Whether there is none of the queue as a whole.
    pub(crate) fn is_none(&self) -> bool {
        self.concurrency.is_none() && self.rate.is_none()
    }
}

/// What one instance takes on.
#[derive(Debug, Clone, Copy)]
pub struct WorkerLimits {
    /// It takes new tasks for this long, in milliseconds; then a successor does. Below the host's request limit.
    pub budget_ms: u64,
    /// The most tickets taken at once.
    pub batch_max: u64,
    /// The most tasks in progress at once.
    pub in_progress_max: usize,
    /// The most instances that begin to compute in one window of 5 s.
    pub workers_max: u64,
    /// The most that a task may return or store as its checkpoint, in bytes of JSON.
    pub result_max_bytes: u64,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            budget_ms: 25_000,
            batch_max: 64,
            in_progress_max: 256,
            workers_max: 16,
            result_max_bytes: RESULT_MAX_BYTES,
        }
    }
}
