//! The store that the protocol relies on: a key-value store with an atomic increment.

use std::fmt;

/// A key-value store. One key at a time is linearizable, an acknowledged write is durable, and
/// `increment` is atomic.
///
/// The engine assumes nothing else: no listing, no transactions, no compare-and-swap.
/// [`Store::set_many`] and [`Store::delete_many`] may apply a part of the keys, in any order. A
/// call that failed may have been applied.
///
/// Keys are 1 to 96 characters of `a-z 0-9 . _ - =`. A key is either a value or a counter, never
/// both.
#[allow(async_fn_in_trait)] // Components have one thread; nothing here needs Send.
pub trait Store {
    /// Reads the value of `key`, or `None` if it is absent.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Reads the values of `keys`, in their order.
    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;
    /// Writes one value.
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Writes several values, in any order.
    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError>;
    /// Deletes values and counters. Absent keys are no error.
    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError>;
    /// Adds `delta` to a counter and returns the new value. An absent counter counts as 0. The
    /// engine never subtracts, since some hosts' stores can't. Counters stay below 3 * 10^18, since
    /// some stores tell counters from text by that.
    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError>;
    /// Reads a counter without a write. An absent counter is 0.
    async fn counter(&self, key: &str) -> Result<u64, StoreError>;
    /// Takes the next numbers of a counter, writes a record under each, and then reads counters: in
    /// this order. Whoever can read these records can also see what the reader of the counters did
    /// before. A store that can do so in fewer calls does.
    ///
    /// A call that failed may have taken the numbers, and may have written a part of the records.
    async fn append(&self, append: Append<'_>) -> Result<Appended, StoreError> {
        append.call_by_call(self).await
    }
}

/// Records to be appended under the next numbers of a counter.
#[derive(Debug, Clone, Copy)]
pub struct Append<'a> {
    /// The counter that gives the numbers.
    pub counter: &'a str,
    /// A record's key is this prefix, and `base` plus its number in decimal digits.
    pub prefix: &'a str,
    /// Below 2^52, so that sums stay exact where a store computes with floating-point numbers.
    pub base: u64,
    /// The records, at least one.
    pub records: &'a [Vec<u8>],
    /// The counters that are read when all records are written.
    pub look: &'a [String],
}

/// The result of [`Store::append`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The number of the last record, with `base`.
    pub last: u64,
    /// The values of the counters in `look`, in their order.
    pub look: Vec<u64>,
}

impl Append<'_> {
    /// A counter's number is its value modulo this. Flags may be above it.
    pub const NUMBERS: u64 = 1 << 44;

    /// The number of the last record, after the counter was incremented to this value.
    pub fn last(&self, counter: u64) -> u64 {
        self.base + counter % Self::NUMBERS
    }

    /// The records with their keys, if this is the number of the last one.
    pub fn entries(&self, last: u64) -> Vec<(String, Vec<u8>)> {
        let first = (last + 1).saturating_sub(self.records.len() as u64);
        let key = |(n, record): (u64, &Vec<u8>)| (format!("{}{n}", self.prefix), record.clone());
        (first..).zip(self.records).map(key).collect()
    }

    /// Appends by one call after another.
    ///
    /// # Errors
    /// The first failed call.
    pub async fn call_by_call<S: Store + ?Sized>(self, store: &S) -> Result<Appended, StoreError> {
        let count = self.records.len() as u64;
        let last = self.last(store.increment(self.counter, count).await?);
        match &self.entries(last)[..] {
            [(key, record)] => store.set(key, record).await?,
            entries => store.set_many(entries).await?,
        }
        let look = self.counters(store).await?;
        Ok(Appended { last, look })
    }

    /// Reads the counters in `look`.
    pub(crate) async fn counters<S: Store + ?Sized>(
        &self,
        store: &S,
    ) -> Result<Vec<u64>, StoreError> {
        let mut counters = Vec::with_capacity(self.look.len());
        for key in self.look {
            counters.push(store.counter(key).await?);
        }
        Ok(counters)
    }
}

impl<S: Store> Store for &S {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(key).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        (**self).get_many(keys).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        (**self).set(key, value).await
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        (**self).set_many(entries).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        (**self).delete_many(keys).await
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        (**self).increment(key, delta).await
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        (**self).counter(key).await
    }

    async fn append(&self, append: Append<'_>) -> Result<Appended, StoreError> {
        (**self).append(append).await
    }
}

/// A failed call of the store, which may have been applied all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// The operation: `get`, `set`, `increment` …
    pub operation: &'static str,
    /// The key, or the first of several.
    pub key: String,
    /// The store's error message.
    pub reason: String,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the store failed to {} {}: {}",
            self.operation, self.key, self.reason
        )
    }
}

impl std::error::Error for StoreError {}
