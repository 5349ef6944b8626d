//! The host's environment: time, randomness, sleep and wake-ups, and the calendar.

use crate::clock::{self, sleep_ms};
use crate::host::workers::wake;
use crate::log::say;
use handoff_queue::{Cron, Env, Wake};

/// The longest time in which a worker may answer that it is registered. It is below the time within
/// which the waking worker must begin its own task. A call that takes longer was sent all the same.
const WAKE_TIMEOUT_MS: u64 = 1_000;

/// The host's clock, random source and waker.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostEnv;

impl Env for HostEnv {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn random(&self) -> u64 {
        wasi::random::random::get_random_u64()
    }

    async fn sleep_ms(&self, ms: u64) {
        sleep_ms(ms).await;
    }

    async fn wake(&self, queue: &str, why: Wake) {
        let path = match why {
            Wake::Work => "work",
            Wake::Keep => "keep",
        };
        if let Err(e) = wake(&format!("/{path}/{queue}"), WAKE_TIMEOUT_MS).await {
            self.log(&format!(
                "no worker could be woken, the next request tries again: {e}"
            ));
        }
    }

    fn log(&self, message: &str) {
        say(message);
    }

    fn cron_after(&self, cron: &Cron, after_ms: u64) -> Option<u64> {
        read(cron)?.after(after_ms)
    }

    fn cron_until(&self, cron: &Cron, until_ms: u64) -> Option<u64> {
        read(cron)?.until(until_ms)
    }
}

/// Reads an expression that was readable when it was put. A later version of the application may
/// not read it.
fn read(cron: &Cron) -> Option<handoff_wire::Cron> {
    let read = handoff_wire::Cron::new(&cron.expression, &cron.timezone);
    read.inspect_err(|e| say(&e.to_string())).ok()
}
