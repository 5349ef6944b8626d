//! wasmCloud's key-value store, over `wasi:keyvalue@0.2.0-draft`.

use super::bindings::wasi::keyvalue::{atomics, batch, store};
use crate::backend::{Backend, first};
use crate::http::problem::Problem;
use handoff_queue::{QueueError, StoreError};
use std::rc::Rc;

/// The bucket, which separates the keys from those of other applications.
const BUCKET: &str = "handoff";

struct KeyValue(store::Bucket);

/// Opens the store.
pub(crate) fn open() -> Result<Rc<dyn Backend>, Problem> {
    let bucket = store::open(BUCKET).map_err(|e| {
        let mut error = failed("open", BUCKET, e);
        error.reason += ". docs/deploy/wasmcloud.md says which of the host's stores will do";
        QueueError::from(error)
    });
    Ok(Rc::new(KeyValue(bucket?)))
}

/// Checks the variable `store`, which wasmCloud does not have.
pub(crate) fn check() -> Result<(), Problem> {
    Ok(())
}

impl Backend for KeyValue {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key).map_err(|e| failed("get", key, e))
    }

    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let answers = batch::get_many(&self.0, keys);
        let answers = answers.map_err(|e| failed("get", first(keys), e))?;
        let value = |answer: Option<(String, Vec<u8>)>| answer.map(|(_, value)| value);
        Ok(answers.into_iter().map(value).collect())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(key, value).map_err(|e| failed("set", key, e))
    }

    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let key = entries.first().map_or("", |(key, _)| key);
        batch::set_many(&self.0, entries).map_err(|e| failed("set", key, e))
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        batch::delete_many(&self.0, keys).map_err(|e| failed("delete", first(keys), e))
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        atomics::increment(&self.0, key, delta).map_err(|e| failed("increment", key, e))
    }
}

fn failed(operation: &'static str, key: &str, error: store::Error) -> StoreError {
    StoreError {
        operation,
        key: key.to_owned(),
        reason: match error {
            store::Error::NoSuchStore => "the host has no such store".to_owned(),
            store::Error::AccessDenied => "the host does not let this workload use it".to_owned(),
            store::Error::Other(reason) => reason,
        },
    }
}
