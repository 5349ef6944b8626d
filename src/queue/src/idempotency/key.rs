//! Idempotency keys, and the candidates that they may stand for.

use crate::base::digest::digest;
use crate::base::json::Json;
use crate::idempotency::canonical::canonical;
use crate::model::receipt::Receipt;
use crate::model::task::Task;
use crate::store::record::{Validate, is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// The reasons that are left to wake a worker.
#[derive(Default)]
pub(crate) struct HomeState {
    /// The backlog up to this slot.
    pub(crate) backlog: u64,
    /// A timer entry was inserted.
    pub(crate) timed: bool,
    /// The queue may be paused.
    pub(crate) pausable: bool,
    /// The slot is in the system lane.
    pub(crate) system: bool,
}

/// A key that makes a request idempotent. The same text of a caller with another time to live is
/// another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub(crate) digest: String,
    pub(crate) ttl_ms: u64,
    /// The key stands for one task for ever: no later use of it means another one.
    pub(crate) forever: bool,
    pub(crate) fingerprint: String,
}

impl IdempotencyKey {
    /// Makes a key that a caller chose. A later use must have the same `request`: the order of
    /// names does not matter, and numbers must be written the same. `ttl_ms` is from
    /// [`crate::KEY_TTL_MIN_MS`] to [`crate::KEY_TTL_MAX_MS`].
    pub fn of_caller(key: &str, ttl_ms: u64, request: &Json) -> Self {
        Self {
            fingerprint: digest(&canonical(request)),
            ..Self::new(&format!("caller.{ttl_ms}.{key}"), ttl_ms)
        }
    }

    /// Puts the key into the name space of an owner. The same text of another owner is another key.
    #[must_use]
    pub fn owned_by(mut self, owner: &str) -> Self {
        // A digest has a fixed length, so no two pairs of owner and key give the same text. No
        // other name space is called `owner`.
        self.digest = digest(&format!("owner.{}.{owner}", self.digest));
        self
    }

    /// Makes an internal key, such as `retry:<id>`, in a name space without callers' keys. All its
    /// users mean the same.
    pub fn internal(key: &str, ttl_ms: u64) -> Self {
        Self::new(&format!("internal.{ttl_ms}.{key}"), ttl_ms)
    }

    /// Makes the key of an event that happens once ever, such as an occurrence of a schedule. It
    /// stands for the first task enqueued for it, whatever happens to that task. The time to live
    /// is how long that is known at least, and may differ from one use to the next.
    pub fn of_event(key: &str, ttl_ms: u64) -> Self {
        Self {
            forever: true,
            ..Self::new(&format!("event.{key}"), ttl_ms)
        }
    }

    fn new(name: &str, ttl_ms: u64) -> Self {
        Self {
            digest: digest(name),
            ttl_ms: ttl_ms.max(1),
            forever: false,
            fingerprint: String::new(),
        }
    }

    /// The period that a time belongs to. A key that stands for one task for ever has one period.
    pub(crate) fn period(&self, at_ms: u64) -> u64 {
        if self.forever { 0 } else { at_ms / self.ttl_ms }
    }

    /// The part of the store's keys that names the key and a period.
    pub(crate) fn name(&self, period: u64) -> String {
        format!("{}.{period}", self.digest)
    }
}

/// The result of a request with an idempotency key.
#[derive(Debug)]
pub enum Once {
    /// The request was the first: its task was enqueued.
    Created(Receipt),
    /// An equal request was the first. This is its task, as it was enqueued.
    Repeated(Receipt),
    /// Another request was the first with this key. Nothing was enqueued.
    Differs,
    /// Other requests are trying at this moment, and nothing was decided in time.
    Busy,
}

/// A task proposed for an idempotency key. It is whole, so that an adopter can write its home.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) slot: u64,
    pub(crate) task: Task,
    pub(crate) fingerprint: String,
    pub(crate) expires_ms: u64,
}

impl Validate for Candidate {
    fn is_valid(&self) -> bool {
        is_slot(self.slot) && is_time(self.expires_ms) && self.task.is_valid()
    }
}

/// A request while it agrees on its key.
pub(crate) struct Try<'a> {
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) task: Task,
    /// Its own candidate, once it needed one.
    pub(crate) own: Option<Candidate>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::is_name;

    #[test]
    fn names_tell_what_differs() {
        let caller = |key, ttl_ms| IdempotencyKey::of_caller(key, ttl_ms, &Json::empty_object());
        let one = caller("a", 60_000);
        assert!(is_name(&one.name(29_000_000)), "{}", one.name(29_000_000));
        assert_eq!(one, caller("a", 60_000));
        for other in [
            caller("b", 60_000),
            caller("a", 60_001),
            IdempotencyKey::internal("a", 60_000),
            IdempotencyKey::of_event("a", 60_000),
            caller("a", 60_000).owned_by("ci"),
            caller("a", 60_000).owned_by("shop"),
            caller("a", 60_000).owned_by(""),
        ] {
            assert_ne!(one.digest, other.digest);
        }
        let event = |ttl_ms| IdempotencyKey::of_event("a", ttl_ms).name(0);
        assert_eq!(event(60_000), event(60_001));
        for bad in ["", ".", "a.1", &one.digest, &format!("{}.x", one.digest)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn the_order_of_names_is_no_difference() {
        let of = |text: &str| {
            let request = text.parse().expect("it is JSON");
            IdempotencyKey::of_caller("a", 60_000, &request)
        };
        assert_eq!(
            of(r#"{"a": {"x": 1, "y": 2}, "b": 3}"#),
            of(r#"{"b":3,"a":{"y":2,"x":1}}"#)
        );
        assert_ne!(of(r#"{"a": [1, 2]}"#), of(r#"{"a": [2, 1]}"#));
    }
}
