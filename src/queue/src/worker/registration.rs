//! Being registered: as a worker, as the keeper, and leaving so that nothing is left behind.

use crate::base::env::{Env, Wake};
use crate::base::guard::{Guard, enabled};
use crate::keeper::pass::Keeper;
use crate::presence::{KEEPER, Registry, WORKERS, window};
use crate::store::contract::{Store, StoreError};
use crate::store::error::QueueError;
use crate::worker::state::Runner;
use crate::worker::state::{TURN_MS, Worker};
use std::cell::RefCell;

/// How often a keeper whose time is over tries to wake the next one.
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

    /// Registers in this window, unless it is.
    pub(crate) async fn join(&self) -> Result<(), StoreError> {
        let window = self.window();
        if !self.registration.worker.borrow().contains(&window) {
            // First, since a call that failed may have counted us: to leave once too often only wakes one too many.
            remember(&self.registration.worker, window);
            Registry::of(&self.queue).join(WORKERS, window).await?;
        }
        Ok(())
    }

    /// Wakes another worker for a backlog, once per window. That one does so, too: there are soon enough, and again when the
    /// budgets of many ended and nobody enqueues any more.
    pub(crate) async fn call_another(&self) {
        let window = self.window();
        if self.registration.called.replace(window) != window {
            self.queue.wake(Wake::Work).await;
        }
    }

    /// Leaves every window that it joined. False if it was not registered.
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
                // It may have counted us: keep, rather than make others believe that somebody does.
                remember(&self.registration.keeper, self.window());
                Err(e)
            }
        }
    }

    /// Does the keeper's work if it is due and this instance is the keeper, or if nobody was in this window yet. A
    /// failure is logged: the next pass does what was left undone.
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
            // Somebody else keeps this window.
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

    /// Steps aside for a task that runs alone: others must know that nobody is here. Wakes a successor for what waits or is
    /// due. Only what computes counts for `workers_max`: what was lost and waits needs no processor, and all of a dead
    /// host's tasks must run again at once.
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

    /// Is there again after it has computed. Windows that are over keep it aside for good.
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

    /// Called when nothing is left to do here. True if the instance may end; false if there is work again.
    pub(crate) async fn ends(&self) -> Result<bool, QueueError> {
        // Leave first and look then: enqueueing writes first and looks then. So does who takes permits and is refused.
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
            // Should a call fail from here on, the next try must look again although nobody keeps any more.
            self.registration.timed.set(true);
            self.leave_keeper().await?;
            match Keeper::of(&self.queue).keeper_needed().await {
                Ok(true) if enabled(Guard::KeeperStays) => {}
                Ok(true) => return Ok(true),
                Ok(false) => return Ok(true),
                Err(e) if e.is_unreadable() => {
                    // A newer version's record: keeping is up to that version.
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

    /// Wakes the next keeper, and sees that there is one: the chain must not break at one call that failed.
    async fn hand_over_keeping(&self) -> Result<bool, QueueError> {
        if !enabled(Guard::HandOverKeeping) {
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

    /// Keeps time while nothing else is to do, not registered as a worker: whoever enqueues wakes one. True if slots
    /// wait.
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
