//! The host's key-value store, over `wasi:keyvalue`.

use super::{Backend, first};
use handoff_queue::StoreError;
use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

// The bindings that spin-sdk made for its whole world. Bindings of our own for the part in `wit/` would have to be merged
// with these in one component, which fails unless both are complete.
use spin_sdk::wit::wasi::keyvalue::{atomics, batch, store};

/// The label of the store in spin.toml.
const LABEL: &str = "default";
/// What Spin says when so many operations are under way as it was told to allow.
const TOO_MANY: &str = "too many requests";
const OPEN_TRIES: u32 = 4;
const OPEN_PAUSE: Duration = Duration::from_millis(10);

pub struct KeyValue {
    bucket: store::Bucket,
    /// The host's store can't get several keys in one call.
    one_by_one: Cell<bool>,
}

impl KeyValue {
    /// Opens the store labelled `default`, if spin.toml gives it to this component (`key_value_stores = ["default"]`).
    pub fn open() -> Result<Self, StoreError> {
        let mut tries = 0;
        loop {
            match store::open(LABEL) {
                Ok(bucket) => {
                    return Ok(Self {
                        bucket,
                        one_by_one: Cell::new(false),
                    });
                }
                // The first requests of a new Spin may find its SQLite file locked by each other, for a moment.
                Err(store::Error::Other(_)) if tries < OPEN_TRIES => {
                    tries += 1;
                    std::thread::sleep(OPEN_PAUSE * tries);
                }
                Err(e) => return Err(failed("open", LABEL, e)),
            }
        }
    }
}

impl Backend for KeyValue {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.bucket.get(key).map_err(|e| failed("get", key, e))
    }

    /// One call where the host can do that. Spin's Redis store can't: there the call fails for two keys or more, and would
    /// search all keys for one. Spin's SQLite store leaves out what it does not have; since others may leave out what they
    /// failed to read, such keys are asked for again.
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut found = HashMap::new();
        if keys.len() > 1 && !self.one_by_one.get() {
            match batch::get_many(&self.bucket, keys) {
                Ok(answers) => found.extend(answers),
                Err(_) => self.one_by_one.set(true),
            }
        }
        let value = |key: &String| match found.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.get(key),
        };
        keys.iter().map(value).collect()
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.bucket
            .set(key, value)
            .map_err(|e| failed("set", key, e))
    }

    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let key = entries.first().map_or("", |(key, _)| key);
        batch::set_many(&self.bucket, entries).map_err(|e| failed("set", key, e))
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        batch::delete_many(&self.bucket, keys).map_err(|e| failed("delete", first(keys), e))
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let sum = atomics::increment(&self.bucket, key, delta as i64);
        sum.map_err(|e| failed("increment", key, e))
            .map(|sum| sum.max(0) as u64)
    }
}

fn failed(operation: &'static str, key: &str, error: store::Error) -> StoreError {
    StoreError {
        operation,
        key: key.to_owned(),
        reason: match error {
            store::Error::NoSuchStore => "the host has no key-value store \"default\"".to_owned(),
            store::Error::AccessDenied => {
                "spin.toml does not give this component key_value_stores = [\"default\"]".to_owned()
            }
            store::Error::Other(reason) if reason == TOO_MANY => super::OVERLOADED.to_owned(),
            store::Error::Other(reason) => reason,
        },
    }
}
