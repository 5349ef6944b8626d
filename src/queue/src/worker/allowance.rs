//! The permits and tokens of this instance, in a queue with limits.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::limits::counters::LimitCounters;
use crate::model::delivery::Ticket;
use crate::presence::window;
use crate::store::contract::{Store, StoreError};
use crate::worker::state::Runner;
use crate::worker::state::Worker;
use futures::future::Either;
use futures::future::select;
use std::pin::pin;

/// A worker with tasks in progress that was refused a permit asks again after this time.
const AGAIN_MS: u64 = 200;

/// A worker that was refused a token asks again after this time, unless the period ends sooner.
const TOKENS_AGAIN_MS: u64 = 1_000;

/// While a task computes, its worker renews the permit this often.
const RENEW_MS: u64 = 500;

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Takes permits and tokens for up to `wanted` further tasks, given the empty tickets. Returns
    /// for how many it has both.
    pub(crate) async fn allow(
        &self,
        wanted: u64,
        empty_tickets: &[Ticket],
    ) -> Result<u64, StoreError> {
        if self.queue.limits.is_none() {
            return Ok(wanted);
        }
        let permits = self.take_permits(wanted, empty_tickets).await?;
        let allowed = self.take_tokens(permits).await?;
        if allowed == 0 {
            // While a limit holds tasks back, a keeper must stay for them.
            self.registration.timed.set(true);
        }
        Ok(allowed)
    }

    /// Keeps the tokens of tickets that came to nothing, for later tickets of the same period. The
    /// two lists hold the times of the tickets taken and of those used.
    pub(crate) fn unused(
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

    /// The number of permits that are in use, or will be in a moment. System tasks need none.
    fn needed(&self, empty_tickets: &[Ticket]) -> u64 {
        let in_progress = self.in_progress.borrow();
        let slots = in_progress.keys().map(|(slot, _)| *slot);
        let slots = slots.chain(empty_tickets.iter().map(|ticket| ticket.slot));
        let needs =
            |slot: &u64| !Lane::of(*slot).is_system() || !enabled(Guard::SystemBesideLimits);
        slots.filter(needs).count() as u64
    }

    async fn take_permits(&self, wanted: u64, empty_tickets: &[Ticket]) -> Result<u64, StoreError> {
        let Some(limit) = self.queue.limits.concurrency else {
            return Ok(wanted);
        };
        let (own, queue) = (&self.allowance, &self.queue);
        let now_ms = queue.env().now_ms();
        let (here, in_use) = (window(now_ms), self.needed(empty_tickets));
        if own.permits.free(here, in_use) == 0 && now_ms < own.permits_at_ms.get() {
            return Ok(0);
        }
        let name = |window| queue.keys.permits(window);
        let counts = (in_use, wanted, limit);
        let free = own.permits.take(queue, &name, here, counts).await?;
        if free == 0 {
            own.permits_at_ms.set(now_ms + AGAIN_MS);
        }
        Ok(free)
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
            let taken = LimitCounters::of(queue).taken(&key).await?;
            let more = (wanted - free).min(rate.count.saturating_sub(taken));
            let more = LimitCounters::of(queue)
                .take_within(&key, more, rate.count)
                .await?;
            own.tokens.set(free + more);
            if free + more == 0 {
                own.tokens_at_ms.set(now_ms + TOKENS_AGAIN_MS);
            }
        }
        let allowed = own.tokens.get().min(wanted);
        own.tokens.set(own.tokens.get() - allowed);
        Ok(allowed)
    }

    /// Renews the permits of the queue for a new window.
    pub(crate) async fn renew_permits(&self, empty_tickets: &[Ticket]) -> Result<(), StoreError> {
        let here = window(self.queue.env().now_ms());
        let (queue, in_use) = (&self.queue, self.needed(empty_tickets));
        let name = |window| queue.keys.permits(window);
        self.allowance
            .permits
            .renew(queue, &name, here, in_use)
            .await?;
        Ok(())
    }

    /// Waits for a task that computes, and renews its permits. Its instance takes no tickets
    /// meanwhile.
    pub(crate) async fn renewing(&self, work: impl Future<Output = ()>) {
        let limits = &self.queue.limits;
        if limits.concurrency.is_none() && limits.per_key.concurrency.is_none() {
            return work.await;
        }
        let mut work = pin!(work);
        loop {
            let tick = pin!(self.queue.env().sleep_ms(RENEW_MS));
            if let Either::Left(_) = select(work.as_mut(), tick).await {
                return;
            }
            let renewed = async {
                self.renew_permits(&[]).await?;
                self.renew_key_permits().await
            };
            if let Err(e) = renewed.await {
                self.queue.env().log(&e.to_string());
            }
        }
    }

    /// Gives back unused permits and tokens. Returns whether it gave any back: then the caller must
    /// check whether something waits.
    pub(crate) async fn free_unused(&self, empty_tickets: &[Ticket]) -> Result<bool, StoreError> {
        if self.queue.limits.is_none() {
            return Ok(false);
        }
        let (queue, own) = (&self.queue, &self.allowance);
        let here = window(queue.env().now_ms());
        let name = |window| queue.keys.permits(window);
        let in_use = self.needed(empty_tickets);
        let freed = own.permits.free_idle(queue, &name, here, in_use).await? > 0;
        let tokens = own.tokens.take();
        let end_s = own.tokens_end_s.get();
        if tokens > 0 && self.queue.env().now_ms() < end_s * 1_000 {
            let key = self.queue.keys.tokens(end_s);
            LimitCounters::of(&self.queue)
                .give_back(&key, tokens)
                .await?;
            return Ok(true);
        }
        Ok(freed)
    }
}
