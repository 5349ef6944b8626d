//! The registration of a worker and of the keeper, and a worker's end without a lost wake-up
//! (`Worker::ends`).

use crate::base::env::{Env, Wake};
use crate::base::guard::{Guard, enabled};
use crate::keeper::pass::Keeper;
use crate::presence::{KEEPER, Registry, WORKERS, window};
use crate::store::contract::{Store, StoreError};
use crate::store::error::QueueError;
use crate::worker::state::Runner;
use crate::worker::state::{TURN_MS, Worker};
use std::cell::RefCell;

/// A keeper whose budget is over tries this often to wake the next one.
const HAND_OVERS_MAX: u32 = 3;

fn remember(windows: &RefCell<Vec<u64>>, window: u64) {
    let mut windows = windows.borrow_mut();
    windows.push(window);
    if windows.len() > 2 {
        windows.remove(0);
    }
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    pub(crate) fn window(&self) -> u64 {
        window(self.queue.env().now_ms())
    }

    /// Joins this window, unless it has.
    pub(crate) async fn join(&self) -> Result<(), StoreError> {
        let window = self.window();
        if !self.registration.worker.borrow().contains(&window) {
            // Note it before the call, since a failed call may have counted us. One leave too many
            // only wakes one worker too many.
            remember(&self.registration.worker, window);
            Registry::of(&self.queue).join(WORKERS, window).await?;
        }
        Ok(())
    }

    /// Wakes another worker for a backlog, once per window. That worker does the same. So enough
    /// workers exist soon, also after many budgets ended and nobody enqueues any more.
    pub(crate) async fn call_another(&self) {
        let window = self.window();
        if self.registration.called.replace(window) != window {
            self.queue.wake(Wake::Work).await;
        }
    }

    /// Leaves every window that it joined. Returns false if it was not registered.
    pub(crate) async fn leave(&self) -> Result<bool, StoreError> {
        self.leave_all(WORKERS, &self.registration.worker).await
    }

    pub(crate) async fn leave_keeper(&self) -> Result<(), StoreError> {
        self.leave_all(KEEPER, &self.registration.keeper).await?;
        Ok(())
    }

    async fn leave_all(&self, role: char, windows: &RefCell<Vec<u64>>) -> Result<bool, StoreError> {
        let mut any = false;
        loop {
            let Some(window) = windows.borrow().last().copied() else {
                return Ok(any);
            };
            Registry::of(&self.queue).leave(role, window).await?;
            windows.borrow_mut().retain(|w| *w != window);
            if !enabled(Guard::LeaveEveryWindow) {
                windows.borrow_mut().clear();
            }
            any = true;
        }
    }

    pub(crate) async fn take_keeper(&self, again: bool) -> Result<bool, StoreError> {
        self.registration.tried.set(self.window());
        match Registry::of(&self.queue).take_keeper(again).await {
            Ok(taken) => {
                if let Some(window) = taken {
                    remember(&self.registration.keeper, window);
                }
                Ok(taken.is_some())
            }
            Err(e) => {
                // The call may have counted us. Be the keeper, rather than make others believe that
                // there is one.
                remember(&self.registration.keeper, self.window());
                Err(e)
            }
        }
    }

    /// Does the keeper's work if it is due and this instance is the keeper, or if this window has
    /// none yet. It logs a failure: the next pass does the rest.
    pub(crate) async fn keep_if_due(&self) {
        if let Err(e) = self.try_keep().await {
            self.queue.env().log(&format!(
                "the keeper's pass failed and will be repeated: {e}"
            ));
        }
    }

    async fn try_keep(&self) -> Result<(), QueueError> {
        let now_ms = self.queue.env().now_ms();
        let window = self.window();
        let keeper = !self.registration.keeper.borrow().is_empty();
        let here = || self.registration.keeper.borrow().contains(&window);
        if !here() && self.registration.tried.get() != window && !self.take_keeper(keeper).await? {
            // Another instance is the keeper of this window.
            self.leave_keeper().await?;
        }
        if !here() {
            return Ok(());
        }
        if self.registration.kept.replace(window) != window {
            self.registration.turned_ms.set(now_ms);
            Keeper::of(&self.queue).keep().await?;
        } else if now_ms / TURN_MS != self.registration.turned_ms.get() / TURN_MS {
            self.registration.turned_ms.set(now_ms);
            Keeper::of(&self.queue).keep_time().await?;
        }
        Ok(())
    }

    /// Gives up the registrations before a task runs alone, so that no enqueuer counts on this
    /// worker. Wakes a successor if anything waits or is due. Only tasks that compute count for
    /// `workers_max`. A lost task that waits needs no processor, and all tasks of a dead host must
    /// run again at once.
    pub(crate) async fn start_computing(&self, computes: bool) -> Result<(), QueueError> {
        if computes {
            let windows = self.registration.worker.borrow().clone();
            for window in windows {
                Registry::of(&self.queue)
                    .set_computing(window, true)
                    .await?;
            }
        } else {
            self.leave().await?;
        }
        let kept = !self.registration.keeper.borrow().is_empty() || self.registration.timed.get();
        self.leave_keeper().await?;
        if kept && Keeper::of(&self.queue).keeper_needed().await? {
            self.queue.wake(Wake::Keep).await;
        } else if self.deserted().await? {
            self.queue.wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Ends computing in the present window. In windows that are over the worker stays counted as
    /// computing.
    pub(crate) async fn stop_computing(&self) -> Result<(), StoreError> {
        let here = self.window();
        for window in self.registration.worker.take() {
            if window == here {
                Registry::of(&self.queue)
                    .set_computing(window, false)
                    .await?;
                remember(&self.registration.worker, window);
            }
        }
        Ok(())
    }

    /// Tries to end. Returns true if the instance may end, and false if it has work again.
    pub(crate) async fn ends(&self) -> Result<bool, QueueError> {
        // Leave first, then read the queue. Enqueuers write first and then read the registrations.
        // Workers that are refused a permit leave first and then ask again.
        self.renew_key_permits().await?;
        self.free_unused(&[]).await?;
        self.leave().await?;
        let (waiting, deserted) = if enabled(Guard::LookAfterLeaving) {
            self.waiting().await?
        } else {
            (false, false)
        };
        if waiting && !self.budget_over() {
            self.allowance.ask_again();
            return Ok(false);
        }
        if deserted {
            self.queue.wake(Wake::Work).await;
        }
        loop {
            let kept = !self.registration.keeper.borrow().is_empty();
            if !kept && !self.registration.timed.get() {
                return Ok(true);
            }
            // If a call fails from here on, the next try must look again although this instance is
            // no longer the keeper.
            self.registration.timed.set(true);
            self.leave_keeper().await?;
            match Keeper::of(&self.queue).keeper_needed().await {
                Ok(true) if enabled(Guard::KeeperStays) => {}
                Ok(true) => return Ok(true),
                Ok(false) => return Ok(true),
                Err(e) if e.is_unreadable() => {
                    // A newer version wrote the progress: keeping is left to that version.
                    self.queue.env().log(&e.to_string());
                    return Ok(true);
                }
                Err(e) => return Err(e),
            }
            if self.budget_over() {
                return self.hand_over_keeping().await;
            }
            if !self.take_keeper(true).await? {
                return Ok(true);
            }
            if self.keep_for_a_window().await? {
                self.allowance.ask_again();
                return Ok(false);
            }
        }
    }

    /// Wakes the next keeper and checks that it registered. The chain must not break at one failed
    /// call.
    async fn hand_over_keeping(&self) -> Result<bool, QueueError> {
        if !enabled(Guard::HandOverKeeping) || !self.limits.wakes_others {
            return Ok(true);
        }
        for _ in 0..HAND_OVERS_MAX {
            self.queue.wake(Wake::Keep).await;
            if Registry::of(&self.queue).presence(KEEPER).await?.present() > 0 {
                break;
            }
            self.queue.env().sleep_ms(TURN_MS).await;
        }
        Ok(true)
    }

    /// Does the keeper's work for a window while nothing else is to do. The instance is not
    /// registered as a worker, so enqueuers wake one. Returns true if claimable slots exist.
    async fn keep_for_a_window(&self) -> Result<bool, QueueError> {
        for _ in 0..5 {
            let env = self.queue.env();
            env.sleep_ms(TURN_MS - env.now_ms() % TURN_MS).await;
            self.keep_if_due().await;
            if self.deserted().await? {
                return Ok(true);
            }
            if self.budget_over() || self.registration.keeper.borrow().is_empty() {
                break;
            }
        }
        Ok(false)
    }
}
