//! The environment that the protocol needs besides a store. Only its implementors ask a clock or a
//! random source.

use serde::Deserialize;
use serde::Serialize;

/// Time, randomness, sleep, wake-ups, and the calendar.
#[allow(async_fn_in_trait)] // Components have one thread; nothing here needs Send.
pub trait Env {
    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// 64 random bits.
    fn random(&self) -> u64;
    /// Returns after `ms` milliseconds. With 0 it lets other tasks run and returns.
    async fn sleep_ms(&self, ms: u64);
    /// Asks the host for one more worker of `queue`, and returns when that is registered. This is
    /// best effort: the environment logs a failure, and the queue goes on with the next request.
    async fn wake(&self, queue: &str, wake: Wake);
    /// Logs a problem for the operator that the protocol got over.
    fn log(&self, message: &str);
    /// The first time after `after_ms` that a cron expression stands for. `None` if none exists or
    /// the expression can't be read.
    fn cron_after(&self, cron: &Cron, after_ms: u64) -> Option<u64>;
    /// The last such time up to `until_ms`.
    fn cron_until(&self, cron: &Cron, until_ms: u64) -> Option<u64>;
}

impl<E: Env> Env for &E {
    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }

    fn random(&self) -> u64 {
        (**self).random()
    }

    async fn sleep_ms(&self, ms: u64) {
        (**self).sleep_ms(ms).await;
    }

    async fn wake(&self, queue: &str, wake: Wake) {
        (**self).wake(queue, wake).await;
    }

    fn log(&self, message: &str) {
        (**self).log(message);
    }

    fn cron_after(&self, cron: &Cron, after_ms: u64) -> Option<u64> {
        (**self).cron_after(cron, after_ms)
    }

    fn cron_until(&self, cron: &Cron, until_ms: u64) -> Option<u64> {
        (**self).cron_until(cron, until_ms)
    }
}

/// The reason for a wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Tasks wait.
    Work,
    /// Entries are due later, and no keeper is registered.
    Keep,
}

/// A cron expression in a time zone. Only [`Env`] can interpret it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cron {
    /// The expression.
    pub expression: String,
    /// The time zone's name.
    pub timezone: String,
}
