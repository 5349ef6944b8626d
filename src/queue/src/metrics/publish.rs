//! Publishing counts, and summing them up.
//!
//! A keeper takes the next number and writes its counts under it. Nobody changes them. Whoever
//! stores the totals stores the sum of the publications 1 to n; a reader adds those behind n. So
//! totals that an older keeper stores are behind, and still the reader's sum is the same.
//! Publications stay for an hour after they were summed up, at the latest an hour after they were
//! written: by then no instance is left that could store older totals.

use crate::base::config::{CLOCK_SLACK_MS, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::metrics::counts::Increments;
use crate::metrics::totals::{Publication, Totals};
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{decode_opt, encode};

mechanism!(
    /// Publishing counts, and summing them up.
    Publisher
);

/// So many publications are read to be summed up, at most. That is an hour of them, and more.
const FOLD_MAX: u64 = 1_000;

/// Each publisher whose number is divisible by this deletes old publications, twice as many at
/// most.
const DELETE_EVERY: u64 = 16;

/// Publications are kept for so long.
const KEPT_MS: u64 = 2 * (RETENTION_MIN_MS + CLOCK_SLACK_MS);

impl<S: Store, E: Env> Publisher<'_, S, E> {
    /// Publishes counts. It takes five store calls, and every 16th time up to two more.
    ///
    /// # Errors
    /// If the store fails. The counts may be lost then, and are not published twice.
    pub(crate) async fn publish(&self, counted: Increments) -> Result<(), QueueError> {
        let n = self.store.increment(&self.keys.publications(), 1).await?;
        // Its time is after every earlier number was taken.
        let at_ms = self.env.now_ms();
        let record = encode(&Publication { at_ms, counted });
        self.store.set(&self.keys.publication(n), &record).await?;
        let mut totals = self.stored().await?;
        self.fold(&mut totals, n, false).await?;
        if n.is_multiple_of(DELETE_EVERY) || !enabled(Guard::KeepPublications) {
            self.delete_old(&mut totals, at_ms).await?;
        }
        self.store
            .set(&self.keys.totals(), &encode(&totals))
            .await?;
        Ok(())
    }

    /// Reads the sum of all publications, in two calls and one more for those that the stored
    /// totals lack.
    pub(crate) async fn totals(&self) -> Result<Totals, QueueError> {
        // Totals first: they have no publication that the counter does not.
        let mut totals = self.stored().await?;
        let last = self.store.counter(&self.keys.publications()).await?;
        self.fold(&mut totals, last, true).await?;
        Ok(totals)
    }

    async fn stored(&self) -> Result<Totals, QueueError> {
        let key = self.keys.totals();
        Ok(decode_opt(&key, self.store.get(&key).await?)?.unwrap_or_default())
    }

    /// Adds the publications up to `last`. A number whose publication is absent ends the sum that
    /// is stored, for its publisher may still write it: the next keeper begins there again. After an
    /// hour it can't. A reader passes it at once.
    async fn fold(&self, totals: &mut Totals, last: u64, reads: bool) -> Result<(), QueueError> {
        let first = totals.folded + 1;
        let last = last.min(totals.folded + FOLD_MAX);
        let keys: Vec<_> = (first..=last).map(|n| self.keys.publication(n)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let over_ms = self
            .env
            .now_ms()
            .saturating_sub(RETENTION_MIN_MS + CLOCK_SLACK_MS);
        let mut found: Vec<Option<Publication>> = Vec::with_capacity(keys.len());
        for (key, value) in keys.iter().zip(self.store.get_many(&keys).await?) {
            found.push(decode_opt(key, value)?);
        }
        let is_old = |publication: &Publication| publication.at_ms <= over_ms;
        for at in 0..found.len() {
            match &found[at] {
                Some(publication) => totals.add(publication),
                None if reads || found[at..].iter().flatten().any(is_old) => {}
                None => break,
            }
            totals.folded += 1;
        }
        Ok(())
    }

    /// Deletes publications that were summed up an hour ago or longer.
    async fn delete_old(&self, totals: &mut Totals, now_ms: u64) -> Result<(), QueueError> {
        let first = totals.deleted + 1;
        let last = totals.folded.min(totals.deleted + 2 * DELETE_EVERY);
        let keys: Vec<_> = (first..=last).map(|n| self.keys.publication(n)).collect();
        let mut old = 0;
        for (key, value) in keys.iter().zip(self.store.get_many(&keys).await?) {
            let publication: Option<Publication> = decode_opt(key, value)?;
            let stays = publication.is_some_and(|p| p.at_ms + KEPT_MS > now_ms);
            if stays && enabled(Guard::KeepPublications) {
                break;
            }
            old += 1;
        }
        if old > 0 {
            self.store.delete_many(&keys[..old]).await?;
            totals.deleted += old as u64;
        }
        Ok(())
    }
}
