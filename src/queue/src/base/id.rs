//! Task ids: queue, slot and random bits. So a look-up needs no index, and nobody can guess an id.

use serde::Deserialize;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

const NONCE_DIGITS: usize = 24;

/// The id of a task: `<queue>-<slot>-<nonce>`.
///
/// The slot is in lower-case hexadecimal without leading zeros. The nonce has 24 hexadecimal digits
/// (96 random bits). Each id has one spelling.
///
/// ```
/// let text = "default-1f-0123456789abcdef01234567";
/// let id: handoff_queue::TaskId = text.parse().unwrap();
/// assert_eq!(id.to_string(), text);
/// assert!("default-01f-0123456789abcdef01234567".parse::<handoff_queue::TaskId>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId {
    pub(crate) queue: String,
    pub(crate) slot: u64,
    pub(crate) nonce: String,
}

/// The error for a text that is not a task id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnId;

impl TaskId {
    pub(crate) fn new(queue: &str, slot: u64, nonce: &str) -> Self {
        Self {
            queue: queue.to_owned(),
            slot,
            nonce: nonce.to_owned(),
        }
    }

    /// The task's queue.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The task's slot in its queue, from 1.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// The random part.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Makes a nonce from two random numbers.
    pub(crate) fn nonce_from(a: u64, b: u64) -> String {
        format!("{a:016x}{:08x}", b as u32)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}-{}", self.queue, self.slot, self.nonce)
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TaskId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a task id")
    }
}

impl std::error::Error for NotAnId {}

/// Whether this is a queue name: 1 to 32 characters of `a-z 0-9 _`.
pub(crate) fn is_queue_name(name: &str) -> bool {
    let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=32).contains(&name.len()) && name.bytes().all(fits)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl FromStr for TaskId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let mut parts = text.split('-');
        let (Some(queue), Some(slot), Some(nonce), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAnId);
        };
        if nonce.len() != NONCE_DIGITS || !is_hex(nonce) || !is_hex(slot) || slot.starts_with('0') {
            return Err(NotAnId);
        }
        let slot = u64::from_str_radix(slot, 16).map_err(|_| NotAnId)?;
        // Slots are counters of the store, whose numbers are signed.
        if slot > i64::MAX as u64 || !is_queue_name(queue) {
            return Err(NotAnId);
        }
        Ok(Self::new(queue, slot, nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_are_refused() {
        let good = "default-1f-0123456789abcdef01234567";
        assert!(good.parse::<TaskId>().is_ok());
        for bad in [
            "",
            "default",
            "default-1f",
            "default-1f-0123456789abcdef0123456",
            "default-1f-0123456789abcdef012345678",
            "default-1F-0123456789abcdef01234567",
            "default-1f-0123456789ABCDEF01234567",
            "default-+1f-0123456789abcdef01234567",
            "default-0-0123456789abcdef01234567",
            "default--0123456789abcdef01234567",
            "default-ffffffffffffffff-0123456789abcdef01234567",
            "default-11111111111111111-0123456789abcdef01234567",
            "Default-1f-0123456789abcdef01234567",
            "-1f-0123456789abcdef01234567",
            "default-1f-0123456789abcdef01234567-",
            "défault-1f-0123456789abcdef01234567",
        ] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
    }
}
