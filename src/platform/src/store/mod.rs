//! The queue's store: the host's key-value store, or a Redis that the components reach themselves.
//! The variable `store` decides. wasmCloud has only the first.

#[cfg(feature = "wasmcloud")]
mod draft;
#[cfg(feature = "key-value")]
mod key_value;
#[cfg(not(all(feature = "wasmcloud", not(feature = "key-value"))))]
mod location;
#[cfg(not(all(feature = "wasmcloud", not(feature = "key-value"))))]
mod redis;

use crate::http::Problem;
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

/// The calls of one kind of store. Hosts offer only blocking calls.
trait Backend {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;
    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError>;
    fn delete_many(&self, keys: &[String]) -> Result<(), StoreError>;
    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError>;
}

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
        let store = Self(open()?);
        OPENED.set(Some(store.clone()));
        Ok(store)
    }
}

#[cfg(not(all(feature = "wasmcloud", not(feature = "key-value"))))]
fn open() -> Result<Rc<dyn Backend>, Problem> {
    use location::Location;
    Ok(match location()? {
        Location::KeyValue => key_value()?,
        Location::Redis(server) => Rc::new(redis::Redis::new(server)),
    })
}

#[cfg(not(all(feature = "wasmcloud", not(feature = "key-value"))))]
fn location() -> Result<location::Location, Problem> {
    // Not shown when it is wrong, since it may hold a password.
    crate::variables::text("store")?.parse().map_err(|reason| {
        Problem::misconfigured(format!("the variable \"store\" can't be used: {reason}"))
    })
}

/// Checks that the variable `store` can be used, without a call of the store.
///
/// # Errors
/// If it can't.
#[cfg(not(all(feature = "wasmcloud", not(feature = "key-value"))))]
pub fn check() -> Result<(), Problem> {
    location().map(drop)
}

/// wasmCloud has no such variable.
#[cfg(all(feature = "wasmcloud", not(feature = "key-value")))]
pub fn check() -> Result<(), Problem> {
    Ok(())
}

#[cfg(all(feature = "wasmcloud", not(feature = "key-value")))]
fn open() -> Result<Rc<dyn Backend>, Problem> {
    let opened = draft::Draft::open().map_err(handoff_queue::QueueError::from)?;
    Ok(Rc::new(opened))
}

#[cfg(feature = "key-value")]
fn key_value() -> Result<Rc<dyn Backend>, Problem> {
    let opened = key_value::KeyValue::open().map_err(handoff_queue::QueueError::from)?;
    Ok(Rc::new(opened))
}

#[cfg(not(any(feature = "key-value", feature = "wasmcloud")))]
fn key_value() -> Result<Rc<dyn Backend>, Problem> {
    Err(Problem::misconfigured(
        "the variable \"store\" is \"key-value\", and these components were built without it: it must be redis://…",
    ))
}

/// The reason in an error if the host, and not the store, takes no further call at this moment.
pub const OVERLOADED: &str = "the host has too many store calls under way";

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

fn first(keys: &[String]) -> &str {
    keys.first().map_or("", String::as_str)
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
