//! The host's environment: time, randomness, sleep and wake-ups, and the calendar.

use crate::host;
use handoff_input::visible;
use handoff_queue::{Cron, Env, Wake};
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use std::future::{Future, poll_fn};
use std::io::Write;
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};
use wasi::clocks::monotonic_clock::subscribe_duration;

/// The longest time in which a worker may answer that it is registered. It is below the time within
/// which the waking worker must begin its own task. A call that takes longer was sent all the same.
const WAKE_TIMEOUT_MS: u64 = 1_000;

/// The host's clock, random source and waker.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostEnv;

impl Env for HostEnv {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |d| d.as_millis() as u64)
    }

    fn random(&self) -> u64 {
        wasi::random::random::get_random_u64()
    }

    async fn sleep_ms(&self, ms: u64) {
        sleep_ms(ms).await;
    }

    async fn wake(&self, queue: &str, wake: Wake) {
        let path = match wake {
            Wake::Work => "work",
            Wake::Keep => "keep",
        };
        if let Err(e) = host::wake(&format!("/{path}/{queue}"), WAKE_TIMEOUT_MS).await {
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
fn read(cron: &Cron) -> Option<handoff_input::Cron> {
    let read = handoff_input::Cron::new(&cron.expression, &cron.timezone);
    read.inspect_err(|e| say(&e.to_string())).ok()
}

/// Prints one line for the operator, whatever text of a caller it holds. Unlike `eprintln!` it does
/// not panic where printing fails, as on a full disk.
pub(crate) fn say(message: &str) {
    _ = writeln!(std::io::stderr(), "handoff: {}", visible(message));
}

/// Returns after `ms` milliseconds, and lets other tasks run meanwhile. With 0 it lets them run
/// once.
pub fn sleep_ms(ms: u64) -> impl Future<Output = ()> {
    let mut waiting: Option<CancelOnDropToken> = None;
    let start = wasi::clocks::monotonic_clock::now();
    let nanoseconds = ms.saturating_mul(1_000_000);
    poll_fn(move |cx| {
        let passed = wasi::clocks::monotonic_clock::now().saturating_sub(start);
        if passed >= nanoseconds && (ms > 0 || waiting.is_some()) {
            waiting = None;
            return Poll::Ready(());
        }
        let pollable = subscribe_duration(nanoseconds.saturating_sub(passed));
        let token = push_waker_and_get_token(pollable, cx.waker().clone());
        waiting = Some(token.into());
        Poll::Pending
    })
}
