//! Agreement on the candidate of a key: a consensus on a counter.
//!
//! A try takes the next number v of the period's counter. It adopts the last candidate before v, or
//! makes one, and writes it as candidate v. If the counter still reads v then, candidate v is
//! decided. A later try gets a higher number, and finds candidate v or one that adopted it.
//!
//! The first try of a period takes its number and then reads the period before. A try that decides
//! in a period then reads whether the next period has begun. One of the two always sees the other.
//! So a decision counts if the next period's counter was 0 afterwards. Otherwise the next period
//! decides, by adopting it or not. Clocks only choose where to begin. A key that stands for one
//! task for ever has no next period.

use crate::base::config::{CLOCK_SLACK_MS, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{Candidate, IdempotencyKey, Try};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::{decode_opt, encode};
use crate::timer::entry::{Entry, Inserted, OLD};
use crate::timer::insert::Timer;

/// The longest pauses between a request's looks at the key: about a second in all.
const PAUSES_MAX_MS: [u64; 12] = [0, 10, 20, 40, 80, 160, 160, 160, 160, 160, 160, 160];

/// A try gets this many looks' time to finish before others try.
const PATIENCE: u32 = 3;

/// More tries than any period has.
const TRIES_MAX: u64 = 10_000;

/// Deletion includes so many candidates beyond the counter, which stalled tries may have written.
const STALLED_MAX: u64 = 8;

impl<S: Store, E: Env> Idempotency<'_, S, E> {
    /// Returns the decided candidate of the key, or `None` if none was decided in time.
    pub(crate) async fn agree(&self, own: &mut Try<'_>) -> Result<Option<Candidate>, QueueError> {
        let mut period = own.key.period(self.env.now_ms());
        let mut waited = 0;
        for pause_max_ms in PAUSES_MAX_MS {
            if waited > 0 {
                let pause_ms = 1 + self.env.random() % pause_max_ms.max(1);
                self.env.sleep_ms(pause_ms).await;
            }
            let found = match self.read_period(own.key, period).await? {
                (0, _) => match self.decided_before(own, period).await? {
                    Some(_) if self.moved_on(own, period - 1).await? => continue,
                    Some(before) => return Ok(Some(before)),
                    None => {
                        self.forget_later(own, period).await?;
                        self.propose(own, period).await?
                    }
                },
                (_, None) if waited >= PATIENCE => {
                    waited = 0;
                    self.propose(own, period).await?
                }
                (_, found) => found,
            };
            let Some(found) = found else {
                waited += 1;
                continue;
            };
            if own.key.forever || self.is_live(&found) && !self.moved_on(own, period).await? {
                return Ok(Some(found));
            }
            period += 1;
            waited = 0;
        }
        Ok(None)
    }

    /// Reads the decided candidate of a key, without a try. It misses one that is decided meanwhile.
    pub(crate) async fn decided(
        &self,
        key: &IdempotencyKey,
    ) -> Result<Option<Candidate>, QueueError> {
        let period = key.period(self.env.now_ms());
        let found = match self.read_period(key, period).await? {
            (0, _) if period > 0 => self.read_period(key, period - 1).await?.1,
            (_, found) => found,
        };
        Ok(found.filter(|found| self.is_live(found)))
    }

    fn is_live(&self, candidate: &Candidate) -> bool {
        candidate.expires_ms > self.env.now_ms()
    }

    /// Reads how many tries a period has, and its decided candidate.
    async fn read_period(
        &self,
        key: &IdempotencyKey,
        period: u64,
    ) -> Result<(u64, Option<Candidate>), QueueError> {
        let name = key.name(period);
        let tries = self.store.counter(&self.keys.tries(&name)).await?;
        if tries == 0 {
            return Ok((0, None));
        }
        let found = self.candidate(&name, tries).await?;
        let last = found.is_some() && self.is_last(&name, tries).await?;
        Ok((tries, found.filter(|_| last)))
    }

    /// Reads the decided candidate of the period before, unless it has expired.
    async fn decided_before(
        &self,
        own: &Try<'_>,
        period: u64,
    ) -> Result<Option<Candidate>, QueueError> {
        if period == 0 || !enabled(Guard::LookAtPeriodBefore) {
            return Ok(None);
        }
        let (_, before) = self.read_period(own.key, period - 1).await?;
        Ok(before.filter(|c| self.is_live(c)))
    }

    /// Makes a try for the key in a period. Returns the candidate if this try decided it.
    async fn propose(
        &self,
        own: &mut Try<'_>,
        period: u64,
    ) -> Result<Option<Candidate>, QueueError> {
        let name = own.key.name(period);
        let v = self.store.increment(&self.keys.tries(&name), 1).await?;
        let candidate = match self.adopted(own, period, v).await? {
            Some(earlier) => earlier,
            None => self.prepare(own).await?,
        };
        self.in_time(own.task.enqueued_ms)?;
        let key = self.keys.candidate(&name, v);
        self.store.set(&key, &encode(&candidate)).await?;
        let last = self.is_last(&name, v).await?;
        Ok(last.then_some(candidate))
    }

    /// Finds the candidate that try `v` must adopt: the last one before it. If none exists, it is
    /// the last one of the period before, whose decision may count. This try took its number first
    /// and reads that period then.
    async fn adopted(
        &self,
        own: &Try<'_>,
        period: u64,
        v: u64,
    ) -> Result<Option<Candidate>, QueueError> {
        if enabled(Guard::AdoptEarlierCandidate) {
            let earlier = self.highest(&own.key.name(period), v - 1).await?;
            if earlier.is_some() {
                return Ok(earlier);
            }
        }
        if period == 0 || !enabled(Guard::LookAtPeriodBefore) {
            return Ok(None);
        }
        let before = own.key.name(period - 1);
        let tries = self.store.counter(&self.keys.tries(&before)).await?;
        let before = self.highest(&before, tries).await?;
        Ok(before.filter(|c| self.is_live(c)))
    }

    /// Reads the last candidate up to number `v`.
    async fn highest(&self, name: &str, v: u64) -> Result<Option<Candidate>, QueueError> {
        if v > TRIES_MAX {
            return Err(QueueError::Record {
                key: self.keys.tries(name),
                reason: format!("{v} tries are more than a key ever has"),
            });
        }
        for v in (1..=v).rev() {
            let found = self.candidate(name, v).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn candidate(&self, name: &str, v: u64) -> Result<Option<Candidate>, QueueError> {
        let key = self.keys.candidate(name, v);
        decode_opt(&key, self.store.get(&key).await?)
    }

    /// Whether no try came after `v`.
    async fn is_last(&self, name: &str, v: u64) -> Result<bool, QueueError> {
        let tries = self.store.counter(&self.keys.tries(name)).await?;
        Ok(tries == v || !enabled(Guard::DecideOnlyIfLast))
    }

    /// Whether the period after this one has begun. If its begin is far away by our clock, it has
    /// not begun by any clock.
    async fn moved_on(&self, own: &Try<'_>, period: u64) -> Result<bool, QueueError> {
        let end_ms = (period + 1) * own.key.ttl_ms;
        if self.env.now_ms() + CLOCK_SLACK_MS < end_ms || !enabled(Guard::LookAtPeriodAfter) {
            return Ok(false);
        }
        let next = self.keys.tries(&own.key.name(period + 1));
        Ok(self.store.counter(&next).await? > 0)
    }

    /// Enters the deletion of this period into the second timer, before the period leaves any key.
    /// It is due when the period after it is over, too.
    async fn forget_later(&self, own: &Try<'_>, period: u64) -> Result<(), QueueError> {
        // Count from now rather than from the period's begin, so that not all keys of a period are
        // deleted at once.
        let ttl_ms = own.key.ttl_ms;
        let from_ms = self.env.now_ms().max(period * ttl_ms);
        let at_ms = from_ms + 2 * ttl_ms + RETENTION_MIN_MS;
        let entry = Entry::forget(own.key.name(period));
        match Timer::of(self).insert(OLD, at_ms, &entry).await? {
            Inserted::Scheduled => Ok(()),
            Inserted::Due => Err(QueueError::TooLate),
        }
    }

    /// Deletes the keys of the periods with these names. The counters go last, since they tell how
    /// many candidates exist.
    pub(crate) async fn forget(&self, names: &[&str]) -> Result<(), QueueError> {
        let (mut candidates, mut counters) = (Vec::new(), Vec::new());
        for name in names {
            let key = self.keys.tries(name);
            let tries = self.store.counter(&key).await?.min(TRIES_MAX);
            let all = 1..=tries + STALLED_MAX;
            candidates.extend(all.map(|v| self.keys.candidate(name, v)));
            counters.push(key);
        }
        self.delete_keys(&candidates).await?;
        self.delete_keys(&counters).await
    }
}
