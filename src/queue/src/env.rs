//! What the protocol needs besides a store. Only the edge asks a clock or a random source.

/// Time, randomness, sleeping and waking.
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
}

/// Why a worker is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Tasks wait.
    Work,
    /// Something is due later and nobody keeps the time.
    Keep,
}
