//! The permits that an instance holds. Each window has a counter in the store; this is the
//! instance's share of it.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::limits::counters::LimitCounters;
use crate::store::contract::{Store, StoreError};
use crate::store::core::Core;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The number of permits held, by window.
#[derive(Default)]
pub(crate) struct Permits(pub(crate) RefCell<BTreeMap<u64, u64>>);

/// Gives the name of a window's counter.
type Name<'a> = &'a dyn Fn(u64) -> String;

impl Permits {
    fn held(&self, window: u64) -> u64 {
        self.0.borrow().get(&window).copied().unwrap_or(0)
    }

    pub(crate) fn hold(&self, window: u64, count: u64) {
        self.0.borrow_mut().insert(window, count);
    }

    /// Whether the instance holds none, as far as it knows.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().values().all(|count| *count == 0)
    }

    /// The number of permits not in use.
    pub(crate) fn free(&self, here: u64, in_use: u64) -> u64 {
        let held = self.held(here).min(self.held(here + 1));
        held.saturating_sub(in_use)
    }

    /// Takes permits until `wanted` are free, within the limit. Returns how many are free.
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

    /// Renews the permits of tasks in progress for a new window and the next, whatever the limit
    /// is, since the tasks do run. A failed call is repeated: counting twice only makes others
    /// wait. Returns how many permits it gave back.
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

    /// Gives back the permits not in use, and returns their number. The later window comes first,
    /// since a taker begins with the earlier one.
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
