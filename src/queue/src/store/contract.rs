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
