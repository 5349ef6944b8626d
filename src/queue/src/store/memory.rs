//! A store in memory that counts its calls, for tests.

use crate::store::contract::{Store, StoreError};
use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;

/// A store in memory. Clones share their contents.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: std::rc::Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pub(crate) values: RefCell<HashMap<String, Vec<u8>>>,
    reads: Cell<u64>,
    writes: Cell<u64>,
}

/// The number of calls that a store has answered. A `get_many` counts one read for each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// Calls of `get`, `get_many` (per key) and `counter`.
    pub reads: u64,
    /// Calls of `set`, `set_many`, `delete_many` and `increment`.
    pub writes: u64,
}

impl MemoryStore {
    /// Returns the calls since the last call of this function.
    pub fn take_calls(&self) -> Calls {
        Calls {
            reads: self.inner.reads.take(),
            writes: self.inner.writes.take(),
        }
    }

    /// All keys, in order.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.inner.values.borrow().keys().cloned().collect();
        keys.sort_unstable();
        keys
    }

    pub(crate) fn read(&self) {
        self.inner.reads.set(self.inner.reads.get() + 1);
    }

    pub(crate) fn write(&self) -> std::cell::RefMut<'_, HashMap<String, Vec<u8>>> {
        self.inner.writes.set(self.inner.writes.get() + 1);
        self.inner.values.borrow_mut()
    }

    pub(crate) fn count(&self, operation: &'static str, key: &str) -> Result<u64, StoreError> {
        match self.inner.values.borrow().get(key) {
            None => Ok(0),
            Some(bytes) => match bytes.as_slice().try_into() {
                Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
                Err(_) => Err(StoreError {
                    operation,
                    key: key.to_owned(),
                    reason: "it is not a counter".to_owned(),
                }),
            },
        }
    }
}

impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read();
        Ok(self.inner.values.borrow().get(key).cloned())
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let values = self.inner.values.borrow();
        keys.iter().for_each(|_| self.read());
        Ok(keys.iter().map(|k| values.get(k).cloned()).collect())
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        self.write().extend(entries.iter().cloned());
        Ok(())
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        let mut values = self.write();
        keys.iter().for_each(|k| {
            values.remove(k);
        });
        Ok(())
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let new = self.count("increment", key)? + delta;
        self.write()
            .insert(key.to_owned(), new.to_le_bytes().to_vec());
        Ok(new)
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        self.read();
        self.count("read the counter", key)
    }
}
