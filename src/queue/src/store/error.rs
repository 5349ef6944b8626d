//! Errors of the queue.

use crate::store::contract::StoreError;
use std::fmt;

/// The reason why an operation on the queue failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueError {
    /// The store failed. The operation may have been applied all the same.
    Store(StoreError),
    /// A newer version wrote a record. Only that version can act on it.
    Newer {
        /// The key of the record.
        key: String,
    },
    /// A record in the store is broken: truncated, or not written by Handoff.
    Record {
        /// The key of the record.
        key: String,
        /// The fault that the reader found.
        reason: String,
    },
    /// The enqueuer took too long to acknowledge. The task may run all the same.
    TooLate,
    /// The queue's name is not 1 to 32 characters of `a-z 0-9 _`.
    Name(String),
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(e) => e.fmt(f),
            Self::Newer { key } => write!(
                f,
                "the record {key} was written by a newer version: deploy that version everywhere"
            ),
            Self::Record { key, reason } => write!(f, "the record {key} can't be read: {reason}"),
            Self::TooLate => write!(
                f,
                "the store took too long to accept the task; it may run, but that is not promised"
            ),
            Self::Name(name) => write!(
                f,
                "the queue name {name:?} must be 1 to 32 characters of a-z, 0-9 and _"
            ),
        }
    }
}

impl QueueError {
    /// Whether a record caused the error, and not the store.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Newer { .. } | Self::Record { .. })
    }

    /// Returns the value, or the reason why its record can't be read. Passes other errors on.
    pub(crate) fn or_unreadable<T>(read: Result<T, Self>) -> Result<Result<T, Self>, Self> {
        match read {
            Err(e) if !e.is_unreadable() => Err(e),
            read => Ok(read),
        }
    }
}

impl std::error::Error for QueueError {}

impl From<StoreError> for QueueError {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}
