//! The host's environment: time, randomness, sleep and wake-ups, and the calendar.

use crate::clock::{self, sleep_ms};
use crate::host::workers::{self, wake};
use crate::lifetime::lifetime;
use crate::log::say;
use crate::store;
use crate::variables;
use futures::future::join_all;
use handoff_probe::Lifetime;
use handoff_queue::{Cron, Env, Wake};
use std::cell::RefCell;

/// The longest time in which a worker may answer that it is registered. It is below the time within
/// which the waking worker must begin its own task. A call that takes longer was sent all the same.
const WAKE_TIMEOUT_MS: u64 = 1_000;

/// How long a worker is held. Hosts give up a response of which nothing comes for ten minutes, and
/// end it.
const HOLD_MAX_MS: u64 = 600_000;

/// An instance that sleeps for so long lets others have its connection to the store. To take it
/// again costs one more exchange with the store.
const REST_MS: u64 = 50;

/// The number of random bytes that one host call returns.
const RANDOM_BYTES: u64 = 64;

thread_local! {
    /// Random numbers that were taken and not used yet. No number is used twice.
    static RANDOM: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The host's clock, random source and waker.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostEnv;

impl Env for HostEnv {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn random(&self) -> u64 {
        // Most requests need a few of them: one call of the host brings all.
        RANDOM.with_borrow_mut(|left| {
            if left.is_empty() {
                let bytes = wasi::random::random::get_random_bytes(RANDOM_BYTES);
                let (numbers, _) = bytes.as_chunks();
                left.extend(numbers.iter().copied().map(u64::from_le_bytes));
            }
            let number = left.pop();
            number.unwrap_or_else(wasi::random::random::get_random_u64)
        })
    }

    async fn sleep_ms(&self, ms: u64) {
        if ms >= REST_MS {
            store::rest();
        }
        sleep_ms(ms).await;
    }

    async fn wake(&self, queue: &str, why: Wake) {
        // Nobody would hold it.
        if lifetime() == Lifetime::Tick {
            return;
        }
        let path = match why {
            Wake::Work => "work",
            Wake::Keep => "keep",
        };
        match variables::has_queue(queue) {
            Ok(true) => {}
            // A request may be about a queue that this deployment no longer has.
            Ok(false) => return,
            Err(problem) => return self.log(&problem.detail),
        }
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

/// Holds a worker of each queue until it ends, where a worker lives only while it is held.
pub async fn hold_workers(queues: &[String]) {
    let held = queues.iter().map(async |queue| {
        if let Err(e) = workers::hold(&format!("/keep/{queue}"), HOLD_MAX_MS).await {
            say(&format!(
                "a worker of queue {queue} did not start or did not end well, the next tick starts another: {e}"
            ));
        }
    });
    join_all(held).await;
}

/// Reads an expression that was readable when it was put. A later version of the application may
/// not read it.
fn read(cron: &Cron) -> Option<handoff_wire::Cron> {
    let read = handoff_wire::Cron::new(&cron.expression, &cron.timezone);
    read.inspect_err(|e| say(&e.to_string())).ok()
}
