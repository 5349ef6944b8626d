//! The queue's store: the host's key-value store, or a Redis that the components reach themselves.
//! wasmCloud has only the first.

use crate::backend::Backend;
use crate::host::store;
use crate::http::problem::Problem;
use handoff_queue::{Store, StoreError};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    /// The store that this instance has opened, for all its calls.
    static OPENED: RefCell<Option<HostStore>> = const { RefCell::new(None) };
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
}

/// No counter reaches this number.
const COUNTER_END: u64 = 1 << 61;

/// Decodes a counter. SQLite keeps 8 bytes, little-endian. Redis and others keep decimal text. Text
/// of 8 digits, read as 8 bytes, gives more than 3e18, which no counter here reaches.
fn decode_counter(bytes: &[u8]) -> Option<u64> {
    if let Ok(bytes) = bytes.try_into() {
        let number = u64::from_le_bytes(bytes);
        if number < COUNTER_END {
            return Some(number);
        }
    }
    let number = std::str::from_utf8(bytes).ok()?.trim().parse().ok();
    number.filter(|number| *number < COUNTER_END)
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
        let Some(bytes) = self.0.get(key)? else {
            return Ok(0);
        };
        decode_counter(&bytes).ok_or_else(|| StoreError {
            operation: "read the counter",
            key: key.to_owned(),
            reason: format!("its {} bytes are no count", bytes.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_counter_are_read() {
        for number in [0u64, 1, 1 << 20, (1 << 40) + 7, 12_345_678, 99_999_999] {
            assert_eq!(decode_counter(&number.to_le_bytes()), Some(number));
            assert_eq!(decode_counter(number.to_string().as_bytes()), Some(number));
        }
        for broken in [
            &b""[..],
            b"x",
            b"12a",
            b"\xff\xff",
            b"1.5",
            b"-1",
            &[0xff; 8],
        ] {
            assert_eq!(decode_counter(broken), None, "{broken:?}");
        }
    }
}
