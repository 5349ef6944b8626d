//! Permits that an instance holds: a counter in the store for each window, and how much of it is its own.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::limits::counters::LimitCounters;
use crate::store::contract::{Store, StoreError};
use crate::store::core::Core;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many permits it holds, by window.
#[derive(Default)]
pub(crate) struct Permits(pub(crate) RefCell<BTreeMap<u64, u64>>);

/// The name of a window's counter.
type Name<'a> = &'a dyn Fn(u64) -> String;

impl Permits {
    fn held(&self, window: u64) -> u64 {
        self.0.borrow().get(&window).copied().unwrap_or(0)
    }

    pub(crate) fn hold(&self, window: u64, count: u64) {
        self.0.borrow_mut().insert(window, count);
    }

    /// Whether it holds none, as far as it knows.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().values().all(|count| *count == 0)
    }

    /// How many are not in use.
    pub(crate) fn free(&self, here: u64, in_use: u64) -> u64 {
        let held = self.held(here).min(self.held(here + 1));
        held.saturating_sub(in_use)
    }

    /// Takes further ones until `wanted` are free, if the limit allows it. Returns how many are.
    pub(crate) async fn take<S: Store, E: Env>(
        &self,
        queue: &Core<S, E>,
        name: Name<'_>,
        here: u64,
        (in_use, wanted, limit): (u64, u64, u64),
    ) -> Result<u64, StoreError> {
        let free = self.free(here, in_use);
        if free >= wanted {
            return Ok(wanted);
        }
        let key = name(here);
        let taken = LimitCounters::of(queue).taken(&key).await?;
        let more = (wanted - free).min(limit.saturating_sub(taken));
        let more = LimitCounters::of(queue)
            .take_within(&key, more, limit)
            .await?;
        self.hold(here, self.held(here) + more);
        let next = here + 1;
        let later = match enabled(Guard::HoldNextWindow) {
            true => {
                LimitCounters::of(queue)
                    .take_within(&name(next), more, limit)
                    .await?
            }
            false => more,
        };
        self.hold(next, self.held(next) + later);
        if later < more {
            self.hold(here, self.held(here) - (more - later));
            LimitCounters::of(queue)
                .give_back(&key, more - later)
                .await?;
        }
        Ok(free + later)
    }

    /// In a new window it holds permits for what is in progress, there and in the next: whatever the limit says, since it
    /// does run. A call that failed is repeated: to count once too often only makes others wait. Returns how many it gave back.
    pub(crate) async fn renew<S: Store, E: Env>(
        &self,
        queue: &Core<S, E>,
        name: Name<'_>,
        here: u64,
        in_use: u64,
    ) -> Result<u64, StoreError> {
        let is_over = self.0.borrow().range(..here).next().is_some();
        if !is_over || !enabled(Guard::RenewPermits) {
            return Ok(0);
        }
        for window in [here, here + 1] {
            let more = in_use.saturating_sub(self.held(window));
            if more > 0 {
                queue.store.increment(&name(window), more).await?;
                self.hold(window, in_use);
            }
        }
        self.0.borrow_mut().retain(|window, _| *window >= here);
        self.free_idle(queue, name, here, in_use).await
    }

    /// Gives back what is not in use, and returns how many that were. The later window first: who takes a permit begins with the
    /// earlier one.
    pub(crate) async fn free_idle<S: Store, E: Env>(
        &self,
        queue: &Core<S, E>,
        name: Name<'_>,
        here: u64,
        in_use: u64,
    ) -> Result<u64, StoreError> {
        let held: Vec<_> = self.0.borrow().clone().into_iter().rev().collect();
        let mut freed = 0;
        for (window, count) in held {
            let idle = count.saturating_sub(in_use);
            if idle > 0 && window >= here {
                self.hold(window, in_use);
                LimitCounters::of(queue)
                    .give_back(&name(window), idle)
                    .await?;
                freed = freed.max(idle);
            }
        }
        Ok(freed)
    }
}
