//! Publishing counts, and summing them up.
//!
//! A keeper takes the next number and writes its counts under it. Nobody changes them. Totals are
//! the sum of the publications 1 to n, whichever keeper stores them; a reader adds those behind n.
//! So totals that an older keeper stores are behind, and still the reader's sum is the same. A
//! publication is deleted an hour after totals with it were stored. By then no instance is left that
//! could store totals without it.

use crate::base::config::{CLOCK_SLACK_MS, RECORDS_MAX, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::metrics::counts::Increments;
use crate::metrics::totals::{Publication, Totals};
use crate::store::contract::Store;
use crate::store::core::{mechanism, retrying};
use crate::store::error::QueueError;
use crate::store::record::{decode_opt, encode};

mechanism!(
    /// Publishing counts, and summing them up.
    Publisher
);

/// A reader adds so many publications, at most. That is an hour of them, and more.
const READ_MAX: u64 = 1_000;

/// Each publisher whose number is divisible by this deletes old publications, twice as many at
/// most.
const DELETE_EVERY: u64 = 16;

/// After this time no instance is left that read something before.
const OUTLIVED_MS: u64 = RETENTION_MIN_MS + CLOCK_SLACK_MS;

/// What is to be done at the number of a publication that is absent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// Go on behind it.
    Pass,
    /// Stop there, until its publisher can't write any more.
    Await,
}

impl<S: Store, E: Env> Publisher<'_, S, E> {
    /// Publishes counts. It takes five store calls, and every 16th time up to three more.
    ///
    /// # Errors
    /// If the store fails. The counts may be lost then, and are not published twice.
    pub(crate) async fn publish(&self, counted: Increments) -> Result<(), QueueError> {
        let n = self.store.increment(&self.keys.publications(), 1).await?;
        // Its time is after every earlier number was taken, and before the totals are read.
        let at_ms = self.env.now_ms();
        let record = encode(&Publication { at_ms, counted });
        let key = self.keys.publication(n);
        // A gap makes every reader read more for an hour.
        retrying(async || self.store.set(&key, &record).await).await?;
        let key = self.keys.totals();
        let mut totals: Totals = decode_opt(&key, self.store.get(&key).await?)?.unwrap_or_default();
        let passed = totals.outlived(at_ms.saturating_sub(OUTLIVED_MS));
        self.add(&mut totals, n, Gap::Await).await?;
        totals.sample(at_ms);
        self.store.set(&key, &encode(&totals)).await?;
        let last = match enabled(Guard::KeepPublications) {
            true => passed.min(totals.deleted + 2 * DELETE_EVERY),
            false => totals.folded,
        };
        let due = n.is_multiple_of(DELETE_EVERY) || !enabled(Guard::KeepPublications);
        if due && last > totals.deleted {
            let old = totals.deleted + 1..=last;
            let old: Vec<_> = old.map(|n| self.keys.publication(n)).collect();
            self.store.delete_many(&old).await?;
            totals.deleted = last;
            self.store.set(&key, &encode(&totals)).await?;
        }
        Ok(())
    }

    /// Reads the sum of all publications, in two calls and one more for those that the stored
    /// totals lack. While a gap is younger than an hour these are up to 45 more.
    pub(crate) async fn totals(&self) -> Result<Totals, QueueError> {
        let key = self.keys.totals();
        // Totals first: they have no publication that the counter does not.
        let stored = decode_opt(&key, self.store.get(&key).await?);
        let mut totals: Totals = match QueueError::or_unreadable(stored)? {
            Ok(totals) => totals.unwrap_or_default(),
            Err(e) => {
                // No counters are better than wrong ones, and than no statistics at all.
                self.env.log(&e.to_string());
                return Ok(Totals::default());
            }
        };
        let last = self.store.counter(&self.keys.publications()).await?;
        let last = last.min(totals.folded + READ_MAX);
        self.add(&mut totals, last, Gap::Pass).await?;
        Ok(totals)
    }

    /// Adds the publications up to `last`, a few at a time.
    async fn add(&self, totals: &mut Totals, last: u64, gap: Gap) -> Result<(), QueueError> {
        let over_ms = self.env.now_ms().saturating_sub(OUTLIVED_MS);
        let mut next = totals.folded + 1;
        // The number of gaps before `next` whose age is not known yet.
        let mut gaps = 0;
        while next <= last {
            let numbers = next..=last.min(next + RECORDS_MAX as u64 - 1);
            let keys: Vec<_> = numbers.map(|n| self.keys.publication(n)).collect();
            for (key, value) in keys.iter().zip(self.store.get_many(&keys).await?) {
                next += 1;
                let Some(publication) = self.read(key, value)? else {
                    gaps += 1;
                    continue;
                };
                // Its publisher took its number after those of the gaps were taken.
                let is_young = publication.at_ms > over_ms;
                if gaps > 0 && gap == Gap::Await && is_young {
                    return Ok(());
                }
                totals.add(&publication);
                totals.folded += gaps + 1;
                gaps = 0;
            }
        }
        Ok(())
    }

    /// Reads a publication. One that can't be read is as good as absent.
    fn read(&self, key: &str, value: Option<Vec<u8>>) -> Result<Option<Publication>, QueueError> {
        match QueueError::or_unreadable(decode_opt(key, value))? {
            Ok(publication) => Ok(publication),
            Err(e) => {
                self.env.log(&e.to_string());
                Ok(None)
            }
        }
    }
}
