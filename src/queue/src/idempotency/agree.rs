//! Which candidate a key stands for: a consensus on a counter.
//!
//! Who tries takes the next number v of the period's counter, adopts the last candidate before v or makes one of its own,
//! and writes it as candidate v. If the counter still reads v then, that is decided: whoever tries later gets a higher
//! number, and finds it or one that adopted it.
//!
//! From one period to the next: who comes first in a period takes its number and looks at the period before then; who
//! decides in a period looks then whether the next one is begun. One of the two always sees the other. So what was decided
//! counts if the next period's counter was 0 afterwards; otherwise the next period decides, by adopting it or not. Clocks
//! only choose where to begin. A key that stands for the same for ever has no next period.

use crate::base::config::{CLOCK_SLACK_MS, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{Candidate, Try};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::{decode_opt, encode};
use crate::timer::entry::{Entry, Inserted, OLD};
use crate::timer::insert::Timer;

/// How often a request looks what is decided, and the longest pauses in between: about a second in all.
const PAUSES_MAX_MS: [u64; 12] = [0, 10, 20, 40, 80, 160, 160, 160, 160, 160, 160, 160];

/// Who tries gets this many looks' time to come to its end before others try.
const PATIENCE: u32 = 3;

/// More tries than any period has.
const TRIES_MAX: u64 = 10_000;

/// Candidates beyond the counter, of whom stalled, are deleted as far as this.
const STALLED_MAX: u64 = 8;

impl<S: Store, E: Env> Idempotency<'_, S, E> {
    /// What the key stands for now. `None` if that was not decided in time.
    pub(crate) async fn agree(&self, own: &mut Try<'_>) -> Result<Option<Candidate>, QueueError> {
        let mut period = own.key.period(self.env.now_ms());
        let mut waited = 0;
        for pause_max_ms in PAUSES_MAX_MS {
            if waited > 0 {
                let pause_ms = 1 + self.env.random() % pause_max_ms.max(1);
                self.env.sleep_ms(pause_ms).await;
            }
            let found = match self.read_period(own, period).await? {
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

    fn is_live(&self, candidate: &Candidate) -> bool {
        candidate.expires_ms > self.env.now_ms()
    }

    /// How often a period was tried for, and what is decided in it.
    async fn read_period(
        &self,
        own: &Try<'_>,
        period: u64,
    ) -> Result<(u64, Option<Candidate>), QueueError> {
        let name = own.key.name(period);
        let tries = self.store.counter(&self.keys.tries(&name)).await?;
        if tries == 0 {
            return Ok((0, None));
        }
        let found = self.candidate(&name, tries).await?;
        let last = found.is_some() && self.is_last(&name, tries).await?;
        Ok((tries, found.filter(|_| last)))
    }

    /// What was decided in the period before, if it is not over yet.
    async fn decided_before(
        &self,
        own: &Try<'_>,
        period: u64,
    ) -> Result<Option<Candidate>, QueueError> {
        if period == 0 || !enabled(Guard::LookAtPeriodBefore) {
            return Ok(None);
        }
        let (_, before) = self.read_period(own, period - 1).await?;
        Ok(before.filter(|c| self.is_live(c)))
    }

    /// Tries for the key in a period. Returns what is decided, if this try did.
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

    /// What try `v` must propose: the last candidate before it, or, where there is none, the last one of the period before,
    /// whose decision may count: we took our number first and look there then.
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

    /// The last candidate of those up to `v`.
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

    /// Whether nobody tried after `v`.
    async fn is_last(&self, name: &str, v: u64) -> Result<bool, QueueError> {
        let tries = self.store.counter(&self.keys.tries(name)).await?;
        Ok(tries == v || !enabled(Guard::DecideOnlyIfLast))
    }

    /// Whether the period after this one is begun. While it is far away by our clock, it is so by nobody's.
    async fn moved_on(&self, own: &Try<'_>, period: u64) -> Result<bool, QueueError> {
        let end_ms = (period + 1) * own.key.ttl_ms;
        if self.env.now_ms() + CLOCK_SLACK_MS < end_ms || !enabled(Guard::LookAtPeriodAfter) {
            return Ok(false);
        }
        let next = self.keys.tries(&own.key.name(period + 1));
        Ok(self.store.counter(&next).await? > 0)
    }

    /// Sees that what this period leaves in the store is deleted, whatever becomes of the task: when the period after it
    /// is over, too. Before anything is left.
    async fn forget_later(&self, own: &Try<'_>, period: u64) -> Result<(), QueueError> {
        // From now on rather than from the period's begin, so that not all keys of a period are deleted at once.
        let ttl_ms = own.key.ttl_ms;
        let from_ms = self.env.now_ms().max(period * ttl_ms);
        let at_ms = from_ms + 2 * ttl_ms + RETENTION_MIN_MS;
        let entry = Entry::forget(own.key.name(period));
        match Timer::of(self).insert(OLD, at_ms, &entry).await? {
            Inserted::Scheduled => Ok(()),
            Inserted::Due => Err(QueueError::TooLate),
        }
    }

    /// Deletes what the periods with these names left. The counters go last: they say how many candidates there are.
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
