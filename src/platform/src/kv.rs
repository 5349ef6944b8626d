//! The queue's store on the host's key-value store.

use handoff_queue::{Store, StoreError};
use std::rc::Rc;
use std::time::Duration;

// The bindings that spin-sdk made for its whole world. Bindings of our own for the part in `wit/` would have to be merged
// with these in one component, which fails unless both are complete.
use spin_sdk::wit::wasi::keyvalue::{atomics, batch, store};

/// The label of the store in spin.toml.
const LABEL: &str = "default";
const OPEN_TRIES: u32 = 4;
const OPEN_PAUSE: Duration = Duration::from_millis(10);

/// The host's key-value store. Open it once per request.
#[derive(Clone)]
pub struct HostStore {
    bucket: Rc<store::Bucket>,
}

impl HostStore {
    /// Opens the store labelled `default`.
    ///
    /// # Errors
    /// If the host has none, or spin.toml does not give it to this component (`key_value_stores = ["default"]`).
    pub fn open() -> Result<Self, StoreError> {
        let mut tries = 0;
        loop {
            match store::open(LABEL) {
                Ok(bucket) => {
                    let bucket = Rc::new(bucket);
                    return Ok(Self { bucket });
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

fn failed(operation: &'static str, key: &str, error: store::Error) -> StoreError {
    StoreError {
        operation,
        key: key.to_owned(),
        reason: match error {
            store::Error::NoSuchStore => "the host has no key-value store \"default\"".to_owned(),
            store::Error::AccessDenied => {
                "spin.toml does not give this component key_value_stores = [\"default\"]".to_owned()
            }
            store::Error::Other(reason) => reason,
        },
    }
}

fn first(keys: &[String]) -> &str {
    keys.first().map_or("", String::as_str)
}

/// Hosts keep counters in two ways: SQLite as 8 bytes, little-endian; Redis and others as decimal text. Decimal text of
/// 8 digits, read as 8 bytes, gives more than 3e18, which no counter here reaches.
fn decode_counter(bytes: &[u8]) -> Option<i64> {
    if let Ok(bytes) = bytes.try_into() {
        let number = i64::from_le_bytes(bytes);
        if number.unsigned_abs() < 1 << 61 {
            return Some(number);
        }
    }
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

impl Store for HostStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.bucket.get(key).map_err(|e| failed("get", key, e))
    }

    /// One get each: the batch call fails on Spin's Redis store, and a get there takes some 25 µs.
    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let get = |key: &String| self.bucket.get(key).map_err(|e| failed("get", key, e));
        keys.iter().map(get).collect()
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.bucket
            .set(key, value)
            .map_err(|e| failed("set", key, e))
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let key = entries.first().map_or("", |(key, _)| key);
        batch::set_many(&self.bucket, entries).map_err(|e| failed("set", key, e))
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        batch::delete_many(&self.bucket, keys).map_err(|e| failed("delete", first(keys), e))
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        atomics::increment(&self.bucket, key, delta).map_err(|e| failed("increment", key, e))
    }

    async fn counter(&self, key: &str) -> Result<i64, StoreError> {
        let Some(bytes) = self.get(key).await? else {
            return Ok(0);
        };
        decode_counter(&bytes).ok_or_else(|| StoreError {
            operation: "read the counter",
            key: key.to_owned(),
            reason: format!("its {} bytes are not a number", bytes.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_counter_are_read() {
        for number in [
            0i64,
            1,
            -1,
            1 << 20,
            (1 << 40) + 7,
            12_345_678,
            99_999_999,
            -9_999_999,
        ] {
            assert_eq!(decode_counter(&number.to_le_bytes()), Some(number));
            assert_eq!(decode_counter(number.to_string().as_bytes()), Some(number));
        }
        for broken in [&b""[..], b"x", b"12a", b"\xff\xff", b"1.5"] {
            assert_eq!(decode_counter(broken), None, "{broken:?}");
        }
    }
}
