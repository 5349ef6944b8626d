//! The calls that every kind of store offers.

use handoff_queue::StoreError;

/// The calls of one kind of store. Hosts offer only blocking calls.
pub(crate) trait Backend {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;
    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError>;
    fn delete_many(&self, keys: &[String]) -> Result<(), StoreError>;
    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError>;
}

/// The key that an error about several keys names.
pub(crate) fn first(keys: &[String]) -> &str {
    keys.first().map_or("", String::as_str)
}
