//! The host's key-value store, over `wasi:keyvalue`.

use crate::backend::{Backend, first};
use crate::http::problem::OVERLOADED;
use handoff_queue::StoreError;
use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

// The bindings that spin-sdk made for its whole world. Own bindings for the part in `wit/` would
// have to be merged with these in one component. That fails unless both are complete.
use spin_sdk::wit::wasi::keyvalue::{atomics, batch, store};

/// The label of the store in spin.toml.
const LABEL: &str = "default";
/// Spin's message when as many operations run as it allows.
const TOO_MANY: &str = "too many requests";
const OPEN_TRIES: u32 = 4;
const OPEN_PAUSE: Duration = Duration::from_millis(10);

pub(super) struct KeyValue {
    bucket: store::Bucket,
    /// The host's store can't get several keys in one call.
    one_by_one: Cell<bool>,
}

impl KeyValue {
    /// Opens the store with the label `default`. spin.toml must give it to this component
    /// (`key_value_stores = ["default"]`).
    pub(super) fn open() -> Result<Self, StoreError> {
        let mut tries = 0;
        loop {
            match store::open(LABEL) {
                Ok(bucket) => {
                    return Ok(Self {
                        bucket,
                        one_by_one: Cell::new(false),
                    });
                }
                // The first requests of a new Spin may lock its SQLite file against each other for
                // a moment.
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

    /// Reads several keys, in one call where the host can. Spin's Redis store can't: the call fails
    /// for two keys or more, and for one it would search all keys. Spin's SQLite store leaves out
    /// absent keys. Others may leave out keys that they failed to read, so missing keys are read
    /// again.
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
            store::Error::Other(reason) if reason == TOO_MANY => OVERLOADED.to_owned(),
            store::Error::Other(reason) => reason,
        },
    }
}
