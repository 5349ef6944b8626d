//! Tasks with a key: whether one more may begin, and which place is called when one has ended.

use crate::base::config::KEY_WINDOW_MS;
use crate::base::digest::digest;
use crate::base::env::Env;
use crate::limits::counters::LimitCounters;
use crate::limits::waitlist::Waitlists;
use crate::model::delivery::Delivery;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::worker::state::InProgress;
use crate::worker::state::Runner;
use crate::worker::state::Worker;

const HOUR_MS: u64 = 3_600_000;

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Returns the deliveries that may begin, noted as this instance's. It parks the others.
    pub(crate) async fn admit(&self, deliveries: Vec<Delivery>) -> Vec<Delivery> {
        if self.queue.limits.per_key.is_none() {
            return deliveries;
        }
        let mut admitted = Vec::new();
        for delivery in deliveries {
            let Some(key) = delivery.task.key.as_deref().map(digest) else {
                admitted.push(delivery);
                continue;
            };
            let parked = match self.may_begin(&key, &delivery).await {
                Ok(None) => {
                    self.hold(&delivery, None);
                    admitted.push(delivery);
                    continue;
                }
                Ok(Some(behind)) => {
                    Waitlists::of(&self.queue)
                        .park(&key, delivery, behind)
                        .await
                }
                Err(e) => {
                    self.queue.env().log(&e.to_string());
                    self.put_back(vec![delivery]).await;
                    continue;
                }
            };
            self.registration.timed.set(true);
            if let Err(e) = parked {
                self.queue.env().log(&format!("left to rescue: {e}"));
            }
        }
        admitted
    }

    /// Returns `None` if a task may begin: then it has its permit and its token. Otherwise returns
    /// whether it is to wait behind others.
    async fn may_begin(&self, key: &str, delivery: &Delivery) -> Result<Option<bool>, QueueError> {
        let queue = &self.queue;
        let limits = queue.limits.per_key;
        // A new task must not pass the waiting ones.
        if !delivery.called && Waitlists::of(queue).anybody_waits(key).await? {
            return Ok(Some(true));
        }
        // Read the clock once: what is counted must belong to the hour that was noted.
        let now_ms = queue.env().now_ms();
        self.note_key(key, now_ms).await?;
        if let Some(limit) = limits.concurrency {
            let permits = self
                .keyed
                .permits
                .borrow_mut()
                .entry(key.to_owned())
                .or_default()
                .clone();
            let name = |window| queue.keys.key_permits(key, window);
            let counts = (self.in_use(key), 1, limit);
            let here = now_ms / KEY_WINDOW_MS;
            if permits.take(queue, &name, here, counts).await? == 0 {
                return Ok(Some(false));
            }
        }
        if let Some(rate) = limits.rate {
            let tokens = queue.keys.key_tokens(key, rate.end_s(now_ms));
            let taken = LimitCounters::of(queue).taken(&tokens).await?;
            let most = rate.count.saturating_sub(taken).min(1);
            if LimitCounters::of(queue)
                .take_within(&tokens, most, rate.count)
                .await?
                == 0
            {
                return Ok(Some(false));
            }
        }
        Ok(None)
    }

    /// Enters the deletion of this hour's counters, before anything is counted.
    async fn note_key(&self, key: &str, now_ms: u64) -> Result<(), QueueError> {
        let hour = (key.to_owned(), now_ms / HOUR_MS);
        if !self.keyed.noted.borrow().contains(&hour) {
            Waitlists::of(&self.queue).note_key(key, hour.1).await?;
            self.keyed.noted.borrow_mut().insert(hour);
        }
        Ok(())
    }

    /// The number of tasks of a key in progress here.
    fn in_use(&self, key: &str) -> u64 {
        let in_progress = self.in_progress.borrow();
        let of_key = in_progress.values().filter(|run| match run {
            InProgress::Runs(delivery, _) => {
                delivery.task.key.as_deref().map(digest).as_deref() == Some(key)
            }
            InProgress::Ended(_) => false,
        });
        of_key.count() as u64
    }

    /// Renews the permits of keys in a new window, gives back those of ended tasks, and calls the
    /// next places.
    pub(crate) async fn renew_key_permits(&self) -> Result<(), QueueError> {
        let keys: Vec<_> = self.keyed.permits.borrow().keys().cloned().collect();
        let queue = &self.queue;
        for key in keys {
            let permits = self.keyed.permits.borrow().get(&key).cloned();
            let Some(permits) = permits else { continue };
            let now_ms = queue.env().now_ms();
            let here = now_ms / KEY_WINDOW_MS;
            let in_use = self.in_use(&key);
            let name = |window| queue.keys.key_permits(&key, window);
            if in_use > 0 {
                self.note_key(&key, now_ms).await?;
            }
            let mut freed = permits.renew(queue, &name, here, in_use).await?;
            freed += permits.free_idle(queue, &name, here, in_use).await?;
            if permits.is_empty() {
                self.keyed.permits.borrow_mut().remove(&key);
            }
            if freed > 0
                && let Err(e) = Waitlists::of(queue).call(&key, freed).await
            {
                // The waitlist's timer entry serves it later.
                queue.env().log(&e.to_string());
            }
        }
        Ok(())
    }
}
