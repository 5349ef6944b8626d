//! Inserting entries. An inserter that finds a closed span acts itself.

use crate::base::config::{CLOCK_SLACK_MS, NEWER_AGAIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{Validate, encode};
use crate::timer::entry::{Entry, EntryKind, Inserted, OLD};

mechanism!(
    /// The entries of the timer.
    Timer
);

pub(crate) const CLOSED: u64 = 1 << 40;

pub(crate) const MINUTE: u64 = 60;

const HOUR: u64 = 3_600;

pub(crate) const DAY: u64 = 86_400;

/// The spans with marks, coarse to fine.
pub(crate) const SPANS: [(char, u64); 3] = [('d', DAY), ('h', HOUR), ('m', MINUTE)];

/// Closed counters are deleted after this time, when no inserter can still be using them.
pub(crate) const SWEEP_LAG_S: u64 = 600;

pub(crate) fn count(counter: u64) -> u64 {
    counter % CLOSED
}

impl<S: Store, E: Env> Timer<'_, S, E> {
    pub(crate) async fn forget_at(
        &self,
        mut at_ms: u64,
        what: EntryKind,
        name: &str,
    ) -> Result<(), QueueError> {
        let entry = Entry::named(what, name.to_owned());
        while self.insert(OLD, at_ms, &entry).await? == Inserted::Due {
            at_ms += 60_000;
        }
        Ok(())
    }

    pub(crate) async fn delete_later(&self, task: u64, at_ms: u64) -> Result<(), QueueError> {
        let entry = Entry::new(task, 0, EntryKind::Delete);
        // If the time is over, the next turn of the wheel is early enough.
        let at_ms = at_ms.max(self.env.now_ms() + 60_000);
        match self.insert(OLD, at_ms, &entry).await? {
            Inserted::Scheduled => Ok(()),
            Inserted::Due => Err(QueueError::TooLate),
        }
    }

    pub(crate) async fn insert(
        &self,
        wheel: char,
        due_ms: u64,
        entry: &Entry,
    ) -> Result<Inserted, QueueError> {
        debug_assert!(entry.is_valid(), "{entry:?}");
        self.insert_record(wheel, due_ms, &encode(entry)).await
    }

    async fn insert_record(
        &self,
        wheel: char,
        due_ms: u64,
        record: &[u8],
    ) -> Result<Inserted, QueueError> {
        let second = due_ms.div_ceil(1_000);
        if second * 1_000 <= self.env.now_ms() {
            return Ok(Inserted::Due);
        }
        let mut spans = SPANS;
        if !enabled(Guard::CoarseMarksFirst) {
            spans.reverse();
        }
        for (unit, span) in spans {
            let key = self.keys.bucket(wheel, unit, second - second % span);
            // A mark that is not 0 needs no write.
            let mut mark = self.store.counter(&key).await?;
            if mark == 0 {
                mark = self.store.increment(&key, 1).await?;
            }
            if mark >= CLOSED && enabled(Guard::MarkMayBeClosed) {
                return Ok(Inserted::Due);
            }
        }
        let counter = self.keys.bucket(wheel, 's', second);
        let i = self.store.increment(&counter, 1).await?;
        if i >= CLOSED && enabled(Guard::BucketMayBeClosed) {
            return Ok(Inserted::Due);
        }
        let key = self.keys.entry(wheel, second, i as u64);
        self.store.set(&key, record).await?;
        if self.is_sweepable(second, CLOCK_SLACK_MS) {
            // This instance stalled so long that a keeper may have closed and swept the second. No
            // keeper would find the entry.
            self.store.delete_many(&[key]).await?;
            return Ok(Inserted::Due);
        }
        let closed = self.store.counter(&counter).await? >= CLOSED;
        if closed && enabled(Guard::BucketMayCloseMeanwhile) {
            return Ok(Inserted::Due);
        }
        Ok(Inserted::Scheduled)
    }

    /// Whether closed counters may be deleted, by clocks that are ahead by `ahead_ms`.
    pub(crate) fn is_sweepable(&self, end_s: u64, ahead_ms: u64) -> bool {
        self.env.now_ms() + ahead_ms >= (end_s + SWEEP_LAG_S) * 1_000
    }

    /// Keeps an entry until a newer version's keeper may turn the wheel. No keeper stays for it.
    pub(crate) async fn defer(&self, record: &[u8]) -> Result<(), QueueError> {
        let mut at_ms = self.env.now_ms() + NEWER_AGAIN_MS;
        while self.insert_record(OLD, at_ms, record).await? == Inserted::Due {
            at_ms += 1_000;
        }
        Ok(())
    }
}
