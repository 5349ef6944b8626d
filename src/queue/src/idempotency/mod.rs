//! Idempotency keys: however often a request with a key is repeated, and by however many at once, there is one task.
//!
//! Time is divided into periods as long as the key's time to live, and every period of every key has names of its own
//! in the store. So no name is used twice, and nothing that comes late disturbs a later use. The key of an event
//! means the same for ever and has one period only: it is the same key whatever time to live it is used with. Within a period a counter
//! and the candidates behind it decide (`agree`); who finds it decided sees that the task is there (`home`), so that a
//! winner that dies blocks nobody.

mod agree;
mod canonical;
mod home;

use crate::config::{ACKNOWLEDGE_MS, RETENTION_MIN_MS};
use crate::guard::{Guard, holds};
use crate::record::{Slot, Sound, encode, is_slot, is_time};
use crate::{Env, Json, NewTask, Queue, QueueError, Receipt, Store, Task, TaskId};
use canonical::canonical;
use home::Seen;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Makes repeating a request harmless. The same key of a caller with another time to live is another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    digest: String,
    ttl_ms: u64,
    /// It stands for the same task for ever: no later use of it means another one.
    forever: bool,
    fingerprint: String,
}

impl IdempotencyKey {
    /// A key that a caller chose. `request` is what must be the same when it is used again; the order of names in it
    /// does not matter. Numbers are the same if they are written the same. `ttl_ms` must be from [`crate::KEY_TTL_MIN_MS`] to [`crate::KEY_TTL_MAX_MS`].
    pub fn of_caller(key: &str, ttl_ms: u64, request: &Json) -> Self {
        let fingerprint = digest(&canonical(request));
        Self {
            digest: digest(&format!("caller.{ttl_ms}.{key}")),
            ttl_ms: ttl_ms.max(1),
            forever: false,
            fingerprint,
        }
    }

    /// The same key of another owner is another key.
    #[must_use]
    pub fn owned_by(mut self, owner: &str) -> Self {
        // A digest has a fixed length, so no two owners and keys are the same text; and no other name space is `owner`.
        self.digest = digest(&format!("owner.{}.{owner}", self.digest));
        self
    }

    /// A key of the application's own, such as `retry:<id>`, in a name space where no caller's key is. Whoever uses it
    /// means the same.
    pub fn internal(key: &str, ttl_ms: u64) -> Self {
        Self {
            digest: digest(&format!("internal.{ttl_ms}.{key}")),
            ttl_ms: ttl_ms.max(1),
            forever: false,
            fingerprint: String::new(),
        }
    }

    /// A key of something that happens once ever, such as an occurrence of a schedule: it stands for the first task that was
    /// enqueued for it, whatever becomes of that. The time to live says how long that is known at least, and may differ from
    /// one use to the next.
    pub fn of_event(key: &str, ttl_ms: u64) -> Self {
        Self {
            digest: digest(&format!("event.{key}")),
            ttl_ms: ttl_ms.max(1),
            forever: true,
            fingerprint: String::new(),
        }
    }

    /// The period that a time is in. What stands for the same for ever has only one.
    fn period(&self, at_ms: u64) -> u64 {
        if self.forever { 0 } else { at_ms / self.ttl_ms }
    }

    /// What stands for the key and a period in the names of the store's keys.
    fn name(&self, period: u64) -> String {
        format!("{}.{period}", self.digest)
    }
}

/// 128 bits in hexadecimal.
pub(crate) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// Whether this is the name of a key's period.
pub(crate) fn is_name(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    text.split_once('.').is_some_and(|(digest, period)| {
        digest.len() == 32 && hex(digest) && period.len() <= 15 && digits(period)
    })
}

/// What became of a request with an idempotency key.
#[derive(Debug)]
pub enum Once {
    /// It is the first: its task was enqueued.
    Created(Receipt),
    /// An equal one was first: this is its task, as it was enqueued.
    Repeated(Receipt),
    /// Another request was first with this key. Nothing was enqueued.
    Differs,
    /// Others are trying at this moment, and it was not decided in time whose task it is.
    Busy,
}

/// A task that somebody wants to be the key's. Whoever adopts it must be able to write its home.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Candidate {
    slot: u64,
    task: Task,
    fingerprint: String,
    expires_ms: u64,
}

impl Sound for Candidate {
    fn is_sound(&self) -> bool {
        let task = Slot::Task(Box::new(self.task.clone()));
        is_slot(self.slot) && is_time(self.expires_ms) && task.is_sound()
    }
}

/// A request while it finds out what its key stands for.
struct Try<'a> {
    key: &'a IdempotencyKey,
    task: Task,
    /// Its own candidate, once it needed one.
    own: Option<Candidate>,
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Enqueues a task unless a request with this key did: then it finds the task of that one, as long as the key's
    /// time to live is not over. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The task may run all the same, and a repeated request finds it.
    pub async fn enqueue_once(
        &self,
        task: NewTask,
        key: &IdempotencyKey,
    ) -> Result<Once, QueueError> {
        self.enqueue_once_since(self.env.now_ms(), task, key).await
    }

    /// The same in a request that began at this time: if what it learned since may be over, it enqueues nothing.
    pub(crate) async fn enqueue_once_since(
        &self,
        began_ms: u64,
        task: NewTask,
        key: &IdempotencyKey,
    ) -> Result<Once, QueueError> {
        let task = self.record(task, began_ms);
        let mut own = Try {
            key,
            task,
            own: None,
        };
        let Some(found) = self.agree(&mut own).await? else {
            return Ok(Once::Busy);
        };
        self.in_time(began_ms)?;
        let lost = own.own.as_ref().map(|own| own.slot);
        let created = lost == Some(found.slot);
        if let Some(lost) = lost.filter(|_| !created) {
            // Nobody can adopt it any more: we are in time, so it did not expire before the other was decided. Left empty, a
            // claimer would wait for it.
            let void = self.keys.slot(lost);
            self.store.set(&void, &encode(&Slot::Void)).await?;
        }
        if found.fingerprint != key.fingerprint {
            return Ok(Once::Differs);
        }
        // What stood for the key for ever was there, and its time is over.
        let over = key.forever && found.expires_ms <= self.env.now_ms();
        let seen = if over {
            Seen::default()
        } else if created || holds(Guard::SeeToHome) {
            self.see_to_home(&found, created).await?
        } else {
            Seen::default()
        };
        self.in_time(began_ms)?;
        let receipt = Receipt {
            ids: vec![TaskId::new(self.name(), found.slot, &found.task.nonce)],
            tasks: vec![found.task],
            backlog: seen.backlog,
            timed: seen.timed,
            pausable: seen.pausable,
            system: seen.system,
        };
        Ok(if created {
            Once::Created(receipt)
        } else {
            Once::Repeated(receipt)
        })
    }

    /// What a request that began at this time does now still counts.
    pub(crate) fn in_time(&self, began_ms: u64) -> Result<(), QueueError> {
        if self.env.now_ms().saturating_sub(began_ms) > ACKNOWLEDGE_MS {
            return Err(QueueError::TooLate);
        }
        Ok(())
    }

    async fn prepare(&self, own: &mut Try<'_>) -> Result<Candidate, QueueError> {
        if let Some(prepared) = &own.own {
            return Ok(prepared.clone());
        }
        let expires_ms = own.task.enqueued_ms + own.key.ttl_ms;
        let lane = own.task.lane();
        self.open_lane(lane).await?;
        let slot = self.take_slots(lane, 1).await?;
        let prepared = Candidate {
            slot,
            task: Task {
                kept_until_ms: Some(expires_ms + RETENTION_MIN_MS),
                ..own.task.clone()
            },
            fingerprint: own.key.fingerprint.clone(),
            expires_ms,
        };
        own.own = Some(prepared.clone());
        Ok(prepared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
