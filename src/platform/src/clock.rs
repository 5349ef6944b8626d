//! The host's clock.

use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};
use wasi::clocks::monotonic_clock::subscribe_duration;

/// The time, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as u64)
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
