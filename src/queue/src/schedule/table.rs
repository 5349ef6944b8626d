//! The table: which version of each schedule counts. Every change writes a new table.
//!
//! A change takes the next number by increment. It reads the last table before that number, and
//! writes the changed one under its number. If the counter still reads that number then, the change
//! is made. A later change gets a higher number, and finds this table or one made from it.
//! Otherwise another change may have missed it, so it is made again.

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

/// The longest pauses between tries, for others who change the table at the same moment.
const PAUSES_MAX_MS: [u64; 10] = [10, 20, 40, 80, 160, 160, 320, 320, 640, 640];

/// No more changes than this fail one after the other.
pub(crate) const FAILED_MAX: u64 = 10_000;

/// The version of each name that counts.
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

/// A reading of the table.
pub(crate) struct Table {
    pub(crate) names: Names,
    /// The number of the change that wrote it. 0 if none did.
    pub(crate) number: u64,
    /// The last number that was taken.
    pub(crate) taken: u64,
}

/// A change in progress.
pub(crate) struct Change {
    pub(crate) number: u64,
    pub(crate) names: Names,
}

impl<S: Store, E: Env> Scheduler<'_, S, E> {
    /// Reads the last table. A change in progress may overrule it.
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

    /// Whether no change of this table has begun: then every later one is made from it.
    pub(crate) async fn is_agreed(&self, table: &Table) -> Result<bool, QueueError> {
        Ok(table.number == table.taken
            && self.store.counter(&self.keys.changes()).await? == table.number)
    }

    /// Reads the table when no change that does not know it is in progress.
    pub(crate) async fn agreed_names(&self) -> Result<Names, QueueError> {
        let table = self.table().await?;
        if self.is_agreed(&table).await? || !enabled(Guard::AgreeBeforeEnding) {
            return Ok(table.names);
        }
        // Another instance is changing it, or died in the middle.
        let began_ms = self.env.now_ms();
        let change = self.begin_change().await?;
        let names = self
            .change(change, began_ms, |names| Some(names.clone()))
            .await?;
        Ok(names.unwrap_or_default())
    }

    /// Takes a number for a change. Before the change leaves anything, it enters the deletion into
    /// the timer.
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

    /// Makes a change, unless `edit` finds nothing to change. Other changes may be in progress.
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

    /// Enters a deletion into the timer, for a time when the change has ended. It deletes version
    /// `number` unless it counts, and the tables from `from` up to that number.
    pub(crate) async fn tidy_later(&self, number: u64, from: u64) -> Result<(), QueueError> {
        let at_ms = self.env.now_ms() + RETENTION_MIN_MS;
        let entry = Entry::new(number, from, EntryKind::Tidy);
        match Timer::of(self).insert(OLD, at_ms, &entry).await? {
            Inserted::Scheduled => Ok(()),
            Inserted::Due => Err(QueueError::TooLate),
        }
    }
}
