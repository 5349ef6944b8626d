//! What this instance may have in progress, and may begin, of a queue with limits.

use super::{Runner, Worker};
use crate::guard::{Guard, holds};
use crate::presence::window;
use crate::{Env, Store, StoreError};
use futures::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;

/// Who has tasks in progress and gets no further permit looks again after this time.
const AGAIN_MS: u64 = 200;
/// And who gets no token, unless the period ends sooner.
const TOKENS_AGAIN_MS: u64 = 1_000;
/// How often it is seen to that a task that computes keeps its permit.
const RENEW_MS: u64 = 500;

/// Permits and tokens of this instance.
#[derive(Default)]
pub(super) struct Allowance {
    /// How many permits it holds, by window.
    permits: RefCell<BTreeMap<u64, u64>>,
    /// Tokens that it took and did not use, and when their period ends.
    tokens: Cell<u64>,
    tokens_end_s: Cell<u64>,
    /// It was refused, and does not ask again before.
    permits_at_ms: Cell<u64>,
    tokens_at_ms: Cell<u64>,
}

impl Allowance {
    fn held(&self, window: u64) -> u64 {
        self.permits.borrow().get(&window).copied().unwrap_or(0)
    }

    fn hold(&self, window: u64, count: u64) {
        self.permits.borrow_mut().insert(window, count);
    }

    /// Asks again at once.
    pub(super) fn ask_again(&self) {
        self.permits_at_ms.set(0);
        self.tokens_at_ms.set(0);
    }
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// How many of `wanted` further tasks may begin here, given how many tickets were set aside. It has permits for as many
    /// then, and their tokens.
    pub(super) async fn allow(&self, wanted: u64, aside: usize) -> Result<u64, StoreError> {
        if self.queue.limits.is_none() {
            return Ok(wanted);
        }
        let permits = self.take_permits(wanted, aside).await?;
        let allowed = self.take_tokens(permits).await?;
        if allowed == 0 {
            // While something waits that may not begin, somebody must stay for it.
            self.shift.timed.set(true);
        }
        Ok(allowed)
    }

    /// Tickets that came to nothing leave their tokens to others, while their period lasts: what was taken, and what it came to.
    pub(super) fn unused(
        &self,
        taken_ms: impl IntoIterator<Item = u64>,
        used_ms: impl IntoIterator<Item = u64>,
    ) {
        let Some(rate) = self.queue.limits.rate else {
            return;
        };
        let now = |ms: &u64| rate.end_s(*ms) == self.allowance.tokens_end_s.get();
        let taken = taken_ms.into_iter().filter(now).count() as u64;
        let used = used_ms.into_iter().filter(now).count() as u64;
        let tokens = &self.allowance.tokens;
        tokens.set(tokens.get() + taken.saturating_sub(used));
    }

    /// So many permits are in use, or will be in a moment.
    fn needed(&self, aside: usize) -> u64 {
        (self.in_progress.borrow().len() + aside) as u64
    }

    async fn take_permits(&self, wanted: u64, aside: usize) -> Result<u64, StoreError> {
        let Some(limit) = self.queue.limits.concurrency else {
            return Ok(wanted);
        };
        let (own, queue) = (&self.allowance, &self.queue);
        let now_ms = queue.env().now_ms();
        let (here, next) = (window(now_ms), window(now_ms) + 1);
        let free = own.held(here).min(own.held(next));
        let free = free.saturating_sub(self.needed(aside));
        if free >= wanted || (free == 0 && now_ms < own.permits_at_ms.get()) {
            return Ok(free.min(wanted));
        }
        let taken = queue.counter(&queue.keys.permits(here)).await?;
        let more = (wanted - free).min(limit.saturating_sub(taken));
        let key = queue.keys.permits(here);
        let more = queue.take_within(&key, more, limit).await?;
        own.hold(here, own.held(here) + more);
        let ahead = holds(Guard::HoldNextWindow);
        let later = match queue.keys.permits(next) {
            key if ahead => queue.take_within(&key, more, limit).await?,
            _ => more,
        };
        own.hold(next, own.held(next) + later);
        if later < more {
            own.hold(here, own.held(here) - (more - later));
            queue.give_back(&key, more - later).await?;
        }
        if free + later == 0 {
            own.permits_at_ms.set(now_ms + AGAIN_MS);
        }
        Ok(free + later)
    }

    async fn take_tokens(&self, wanted: u64) -> Result<u64, StoreError> {
        let Some(rate) = self.queue.limits.rate else {
            return Ok(wanted);
        };
        let (own, queue) = (&self.allowance, &self.queue);
        let now_ms = queue.env().now_ms();
        let end_s = rate.end_s(now_ms);
        if own.tokens_end_s.replace(end_s) != end_s {
            own.tokens.set(0);
            own.tokens_at_ms.set(0);
        }
        let free = own.tokens.get();
        if free < wanted && now_ms >= own.tokens_at_ms.get() {
            let key = queue.keys.tokens(end_s);
            let taken = queue.counter(&key).await?;
            let more = (wanted - free).min(rate.count.saturating_sub(taken));
            let more = queue.take_within(&key, more, rate.count).await?;
            own.tokens.set(free + more);
            if free + more == 0 {
                own.tokens_at_ms.set(now_ms + TOKENS_AGAIN_MS);
            }
        }
        let allowed = own.tokens.get().min(wanted);
        own.tokens.set(own.tokens.get() - allowed);
        Ok(allowed)
    }

    /// In a new window it holds permits for what is in progress, there and in the next: whatever the limit says, since it
    /// does run. A call that failed is repeated: to count once too often only makes others wait.
    pub(super) async fn renew_permits(&self, aside: usize) -> Result<(), StoreError> {
        let here = window(self.queue.env().now_ms());
        let own = &self.allowance;
        let is_over = own.permits.borrow().range(..here).next().is_some();
        if !is_over || !holds(Guard::RenewPermits) {
            return Ok(());
        }
        let needed = self.needed(aside);
        for window in [here, here + 1] {
            let more = needed.saturating_sub(own.held(window));
            if more > 0 {
                let key = self.queue.keys.permits(window);
                self.queue.increment(&key, more).await?;
                own.hold(window, needed);
            }
        }
        own.permits.borrow_mut().retain(|window, _| *window >= here);
        self.free_idle(needed).await?;
        Ok(())
    }

    /// Waits for a task that computes. Its instance takes no tickets meanwhile, and holds the permit for it.
    pub(super) async fn renewing(&self, work: impl Future<Output = ()>) {
        if self.queue.limits.concurrency.is_none() {
            return work.await;
        }
        let mut work = pin!(work);
        loop {
            let tick = pin!(self.queue.env().sleep_ms(RENEW_MS));
            if let Either::Left(_) = select(work.as_mut(), tick).await {
                return;
            }
            if let Err(e) = self.renew_permits(0).await {
                self.queue.env().log(&e.to_string());
            }
        }
    }

    /// Gives back what it does not use. Says whether it did: then it must look whether something waits.
    pub(super) async fn free_unused(&self, aside: usize) -> Result<bool, StoreError> {
        if self.queue.limits.is_none() {
            return Ok(false);
        }
        let freed = self.free_idle(self.needed(aside)).await?;
        let own = &self.allowance;
        let tokens = own.tokens.take();
        let end_s = own.tokens_end_s.get();
        if tokens > 0 && self.queue.env().now_ms() < end_s * 1_000 {
            let key = self.queue.keys.tokens(end_s);
            self.queue.give_back(&key, tokens).await?;
            return Ok(true);
        }
        Ok(freed)
    }

    /// The later window first: who takes a permit begins with the earlier one.
    async fn free_idle(&self, needed: u64) -> Result<bool, StoreError> {
        let own = &self.allowance;
        let held: Vec<_> = own.permits.borrow().clone().into_iter().rev().collect();
        let mut freed = false;
        let here = window(self.queue.env().now_ms());
        for (window, count) in held {
            if count > needed && window >= here {
                own.hold(window, needed);
                let key = self.queue.keys.permits(window);
                self.queue.give_back(&key, count - needed).await?;
                freed = true;
            }
        }
        Ok(freed)
    }
}
