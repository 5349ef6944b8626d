//! The queue's store: the host's key-value store, or a Redis or Postgres that the components reach
//! themselves. wasmCloud has only the first.

use crate::backend::Backend;
use crate::host::store;
use crate::http::problem::Problem;
use handoff_queue::{Append, Appended, Store, StoreError};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    /// The store that this instance has opened, for all its calls.
    static OPENED: RefCell<Option<HostStore>> = const { RefCell::new(None) };
}

/// Gives back the connection of this instance's store, if hosts have only a number of them. The next
/// call takes one again.
pub(crate) fn rest() {
    if let Some(store) = OPENED.with_borrow(Clone::clone) {
        store.0.rest();
    }
}

/// The store of this deployment. Clones share its connection.
#[derive(Clone)]
pub struct HostStore(Rc<dyn Backend>);

impl HostStore {
    /// Opens the store, once per instance.
    ///
    /// # Errors
    /// If the variable `store` can't be used, or the host does not give its key-value store to this
    /// component. A Redis is reached only by the first call, whose error says if it can't be.
    pub fn open() -> Result<Self, Problem> {
        if let Some(store) = OPENED.with_borrow(Clone::clone) {
            return Ok(store);
        }
        let store = Self(store::open()?);
        OPENED.set(Some(store.clone()));
        Ok(store)
    }

    /// Makes what the store lacks, such as tables.
    ///
    /// # Errors
    /// If the store can't be reached, or this deployment may not do so.
    pub fn prepare(&self) -> Result<(), StoreError> {
        self.0.prepare()
    }
}

impl Store for HostStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.0.get_many(keys)
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(key, value)
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        self.0.set_many(entries)
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        self.0.delete_many(keys)
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        self.0.increment(key, delta)
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        self.0.counter(key)
    }

    async fn append(&self, append: Append<'_>) -> Result<Appended, StoreError> {
        match self.0.append(&append) {
            Some(appended) => appended,
            None => append.call_by_call(self).await,
        }
    }
}
