//! The core that every mechanism of the protocol works with.

use crate::base::config::ACKNOWLEDGE_MS;
use crate::base::env::{Env, Wake};
use crate::base::id::TaskId;
use crate::base::limits::Limits;
use crate::store::contract::{Store, StoreError};
use crate::store::error::QueueError;
use crate::store::keys::Keys;
use std::cell::LazyCell;

/// A part of a keeper's pass takes no longer than this, however slow the store is. Tasks wait
/// meanwhile, and the host may end the instance.
const PART_MS: u64 = 200;
/// The largest number of keys that one call deletes.
const DELETE_MAX: usize = 1_000;

/// Limits that are read when a step first needs them: most requests don't.
pub(crate) type LazyLimits = LazyCell<Limits, Box<dyn FnOnce() -> Limits>>;

/// A queue's store, the names of its keys, the environment, and its limits.
pub(crate) struct Core<S, E> {
    pub(crate) store: S,
    pub(crate) env: E,
    pub(crate) keys: Keys,
    pub(crate) limits: LazyLimits,
}

/// Declares a mechanism: a view of a [`Core`] with the steps of one thing. A mechanism that needs
/// another one imports it. So a file's imports show its dependencies.
macro_rules! mechanism {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub(crate) struct $name<'a, S, E>(&'a $crate::store::core::Core<S, E>);

        impl<'a, S, E> $name<'a, S, E> {
            pub(crate) fn of(core: &'a $crate::store::core::Core<S, E>) -> Self {
                Self(core)
            }
        }

        impl<S, E> std::ops::Deref for $name<'_, S, E> {
            type Target = $crate::store::core::Core<S, E>;

            fn deref(&self) -> &Self::Target {
                self.0
            }
        }
    };
}
pub(crate) use mechanism;

/// Makes a call of the store up to three times, where a failure would cost more than that.
pub(crate) async fn retrying<T>(
    call: impl AsyncFn() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for _ in 0..2 {
        if let Ok(value) = call().await {
            return Ok(value);
        }
    }
    call().await
}

impl<S: Store, E: Env> Core<S, E> {
    pub(crate) fn new(name: &str, store: S, env: E) -> Result<Self, QueueError> {
        Ok(Self {
            keys: Keys::new(name)?,
            store,
            env,
            limits: LazyCell::new(Box::new(Limits::default)),
        })
    }

    pub(crate) fn name(&self) -> &str {
        self.keys.queue()
    }

    pub(crate) fn env(&self) -> &E {
        &self.env
    }

    /// The random part of a new task's id.
    pub(crate) fn nonce(&self) -> String {
        TaskId::nonce_from(self.env.random(), self.env.random())
    }

    /// Wakes a worker of this queue.
    pub(crate) async fn wake(&self, wake: Wake) {
        self.env.wake(self.name(), wake).await;
    }

    /// Writes all entries in one call, however many there are.
    pub(crate) async fn write(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        self.write_all(&entries).await
    }

    /// Writes entries that the caller may have to write again.
    pub(crate) async fn write_all(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        match entries {
            [] => Ok(()),
            [(key, value)] => self.store.set(key, value).await,
            _ => self.store.set_many(entries).await,
        }
    }

    pub(crate) async fn delete_keys(&self, keys: &[String]) -> Result<(), QueueError> {
        for keys in keys.chunks(DELETE_MAX) {
            self.store.delete_many(keys).await?;
        }
        Ok(())
    }

    /// Fails if a request that began at this time took too long to be acknowledged.
    pub(crate) fn in_time(&self, began_ms: u64) -> Result<(), QueueError> {
        if self.env.now_ms().saturating_sub(began_ms) > ACKNOWLEDGE_MS {
            return Err(QueueError::TooLate);
        }
        Ok(())
    }

    /// Whether a part of a pass that began at `began_ms` has used up its time. The next pass does
    /// the rest.
    pub(crate) fn is_over(&self, began_ms: u64) -> bool {
        self.env.now_ms().saturating_sub(began_ms) >= PART_MS
    }
}
