//! What the protocol needs besides a store. Only the edge asks a clock or a random source.

use serde::Deserialize;
use serde::Serialize;

/// Time, randomness, sleeping, waking, and the calendar.
#[allow(async_fn_in_trait)] // Components have one thread; nothing here needs Send.
pub trait Env {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// 64 random bits.
    fn random(&self) -> u64;
    /// Returns after `ms` milliseconds. With 0 it lets others run and returns.
    async fn sleep_ms(&self, ms: u64);
    /// Asks the host for one more worker of `queue` and returns when it is registered. Best effort: a failure is the host's to
    /// log, and the queue goes on with the next request.
    async fn wake(&self, queue: &str, wake: Wake);
    /// Tells the operator about something that the protocol got over.
    fn log(&self, message: &str);
    /// The first time after `after_ms` that a cron expression stands for; `None` if there is none or it can't be read.
    fn cron_after(&self, cron: &Cron, after_ms: u64) -> Option<u64>;
    /// The last one up to `until_ms`.
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

/// Why a worker is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Tasks wait.
    Work,
    /// Something is due later and nobody keeps the time.
    Keep,
}

/// A cron expression in a time zone. What they mean is the business of [`Env`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cron {
    /// The expression.
    pub expression: String,
    /// The time zone's name.
    pub timezone: String,
}
