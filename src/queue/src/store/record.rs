//! The encoding of records: one digit for the version, then JSON. The digit tells a newer version's
//! record from a broken one.

use crate::base::config::EPOCH_MAX;
use crate::base::id::TaskId;
use crate::store::error::QueueError;
use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = b'1';

pub(crate) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    // Only a map whose keys are not strings can fail, and no record has one.
    if serde_json::to_writer(&mut bytes, record).is_err() {
        unreachable!("records have string keys");
    }
    bytes
}

/// A record whose numbers can be checked. Numbers that Handoff never writes would overflow, or keep
/// a loop busy for ever.
pub(crate) trait Validate {
    /// Whether all numbers in this record are such as Handoff writes.
    fn is_valid(&self) -> bool;
}

/// Whether this is a time before the year 5138.
pub(crate) fn is_time(ms: u64) -> bool {
    ms < 100_000_000_000_000
}

/// Whether this is a slot number, or a number of another counter.
pub(crate) fn is_slot(slot: u64) -> bool {
    (1..1 << 53).contains(&slot)
}

pub(crate) fn is_epoch(epoch: u64) -> bool {
    epoch <= EPOCH_MAX
}

/// An entry of the failed list.
impl Validate for TaskId {
    fn is_valid(&self) -> bool {
        is_slot(self.slot())
    }
}

/// The time of a cancel request, or of a pause.
impl Validate for u64 {
    fn is_valid(&self) -> bool {
        is_time(*self)
    }
}

pub(crate) fn decode<T: DeserializeOwned + Validate>(
    key: &str,
    bytes: &[u8],
) -> Result<T, QueueError> {
    let reason = match bytes.split_first() {
        Some((&VERSION, json)) => match serde_json::from_slice(json) {
            Ok(record) if T::is_valid(&record) => return Ok(record),
            Ok(_) => "a number in it is out of bounds".to_owned(),
            Err(e) => e.to_string(),
        },
        Some((b'2'..=b'9', _)) => {
            return Err(QueueError::Newer {
                key: key.to_owned(),
            });
        }
        _ => "not a record".to_owned(),
    };
    Err(QueueError::Record {
        key: key.to_owned(),
        reason,
    })
}

pub(crate) fn decode_opt<T: DeserializeOwned + Validate>(
    key: &str,
    bytes: Option<Vec<u8>>,
) -> Result<Option<T>, QueueError> {
    bytes.map(|b| decode(key, &b)).transpose()
}

pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Cuts a text to at most `max_bytes`, on a character's boundary.
pub(crate) fn cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = (0..=max_bytes)
        .rev()
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(0);
    format!("{} …", &text[..end])
}
