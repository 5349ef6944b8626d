//! Which version of each schedule counts: a table, of which every change writes a new one.
//!
//! Whoever changes it takes the next number by increment, reads the last table before that number, and writes the changed
//! one under its number. If the counter still reads that number then, the change is made: whoever comes later gets a higher
//! number, and finds this table or one that was made from it. Otherwise somebody may have missed it, and it is made again.

use crate::base::config::RETENTION_MIN_MS;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::is_queue_name;
use crate::schedule::records::Scheduler;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::{Validate, decode_opt, encode, is_slot};
use crate::timer::entry::{Entry, EntryKind, Inserted, OLD};
use crate::timer::insert::Timer;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

/// How long to wait at most, each time, for others who change it at the same moment.
const PAUSES_MAX_MS: [u64; 10] = [10, 20, 40, 80, 160, 160, 320, 320, 640, 640];

/// No more changes fail one after the other.
pub(crate) const FAILED_MAX: u64 = 10_000;

/// The version that counts of each name.
pub(crate) type Names = BTreeMap<String, u64>;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Record(Names);

impl Validate for Record {
    fn is_valid(&self) -> bool {
        let named = |name: &String| is_queue_name(name);
        self.0.keys().all(named) && self.0.values().copied().all(is_slot)
    }
}

/// The table, as it is found.
pub(crate) struct Table {
    pub(crate) names: Names,
    /// The number that it was written under; 0 if there is none.
    pub(crate) number: u64,
    /// The last number that was taken.
    pub(crate) taken: u64,
}

/// A change on its way.
pub(crate) struct Change {
    pub(crate) number: u64,
    pub(crate) names: Names,
}

impl<S: Store, E: Env> Scheduler<'_, S, E> {
    /// The last table. What it says may be overruled by a change that is being made.
    pub(crate) async fn table(&self) -> Result<Table, QueueError> {
        let taken = self.store.counter(&self.keys.changes()).await?;
        self.table_up_to(taken).await
    }

    async fn table_up_to(&self, taken: u64) -> Result<Table, QueueError> {
        for number in (1..=taken).rev().take(FAILED_MAX as usize) {
            let key = self.keys.table(number);
            let found: Option<Record> = decode_opt(&key, self.store.get(&key).await?)?;
            if let Some(Record(names)) = found {
                return Ok(Table {
                    names,
                    number,
                    taken,
                });
            }
        }
        if taken > FAILED_MAX {
            return Err(QueueError::Record {
                key: self.keys.changes(),
                reason: format!("no table is among the last {FAILED_MAX}"),
            });
        }
        Ok(Table {
            names: Names::new(),
            number: 0,
            taken,
        })
    }

    /// Whether nobody has begun to change this table: then whatever comes later is made from it.
    pub(crate) async fn is_agreed(&self, table: &Table) -> Result<bool, QueueError> {
        Ok(table.number == table.taken
            && self.store.counter(&self.keys.changes()).await? == table.number)
    }

    /// The table, with nobody on the way who does not know it.
    pub(crate) async fn agreed_names(&self) -> Result<Names, QueueError> {
        let table = self.table().await?;
        if self.is_agreed(&table).await? || !enabled(Guard::AgreeBeforeEnding) {
            return Ok(table.names);
        }
        // Somebody changes it now, or died at it.
        let began_ms = self.env.now_ms();
        let change = self.begin_change().await?;
        let names = self
            .change(change, began_ms, |names| Some(names.clone()))
            .await?;
        Ok(names.unwrap_or_default())
    }

    /// Takes a number for a change, and sees that what the change leaves is deleted, before it leaves anything.
    pub(crate) async fn begin_change(&self) -> Result<Change, QueueError> {
        let number = self.store.increment(&self.keys.changes(), 1).await?;
        let Table {
            names,
            number: from,
            ..
        } = self.table_up_to(number - 1).await?;
        self.tidy_later(number, from).await?;
        Ok(Change { number, names })
    }

    /// Makes a change, unless `edit` says that there is nothing to change. Others may make theirs at the same moment.
    pub(crate) async fn change<T>(
        &self,
        mut change: Change,
        began_ms: u64,
        edit: impl Fn(&mut Names) -> Option<T>,
    ) -> Result<Option<T>, QueueError> {
        for pause_max_ms in PAUSES_MAX_MS {
            let Some(edited) = edit(&mut change.names) else {
                return Ok(None);
            };
            self.in_time(began_ms)?;
            let key = self.keys.table(change.number);
            let record = encode(&Record(change.names));
            self.store.set(&key, &record).await?;
            let taken = self.store.counter(&self.keys.changes()).await?;
            if taken == change.number || !enabled(Guard::ChangeOnlyTheLast) {
                return Ok(Some(edited));
            }
            let pause_ms = 1 + self.env.random() % pause_max_ms;
            self.env.sleep_ms(pause_ms).await;
            change = self.begin_change().await?;
        }
        Err(QueueError::TooLate)
    }

    /// Some time later, when nobody can be at it any more, what version `number` left is deleted unless it counts, and the
    /// tables from `from` up to that number.
    pub(crate) async fn tidy_later(&self, number: u64, from: u64) -> Result<(), QueueError> {
        let at_ms = self.env.now_ms() + RETENTION_MIN_MS;
        let entry = Entry::new(number, from, EntryKind::Tidy);
        match Timer::of(self).insert(OLD, at_ms, &entry).await? {
            Inserted::Scheduled => Ok(()),
            Inserted::Due => Err(QueueError::TooLate),
        }
    }
}
