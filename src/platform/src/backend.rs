//! The calls that every kind of store offers.

use handoff_queue::{Append, Appended, StoreError};

/// The calls of one kind of store. Hosts offer only blocking calls.
pub(crate) trait Backend {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;
    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError>;
    fn delete_many(&self, keys: &[String]) -> Result<(), StoreError>;
    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError>;

    /// Reads a counter.
    fn counter(&self, key: &str) -> Result<u64, StoreError> {
        match self.get(key)? {
            None => Ok(0),
            Some(bytes) => read_counter(key, &bytes),
        }
    }

    /// Appends in fewer calls than one after another, if this kind of store can.
    fn append(&self, _append: &Append<'_>) -> Option<Result<Appended, StoreError>> {
        None
    }

    /// The instance waits for a while: others may have its connection.
    fn rest(&self) {}

    /// Makes what the store lacks, if that is possible.
    fn prepare(&self) -> Result<(), StoreError> {
        Ok(())
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

/// Reads a counter from its value.
///
/// # Errors
/// If the value is none.
pub(crate) fn read_counter(key: &str, bytes: &[u8]) -> Result<u64, StoreError> {
    decode_counter(bytes).ok_or_else(|| StoreError {
        operation: "read the counter",
        key: key.to_owned(),
        reason: format!("its {} bytes are no count", bytes.len()),
    })
}

/// The key that an error about several keys names.
pub(crate) fn first(keys: &[String]) -> &str {
    keys.first().map_or("", String::as_str)
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
