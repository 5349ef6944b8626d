//! Being registered: as a worker, as the keeper, and leaving so that nothing is left behind.

use super::{Runner, Worker};
use crate::presence::{KEEPER, WORKERS, window};
use crate::{Env, QueueError, Store, StoreError, Wake};
use std::cell::{Cell, RefCell};

/// How often the keeper turns the timer.
const TURN_MS: u64 = 1_000;

/// Where this instance is registered.
#[derive(Default)]
pub(super) struct Shift {
    /// Windows joined as a worker and not left. Only the last two matter: clocks differ by less than a window.
    worker: RefCell<Vec<u64>>,
    /// Windows joined as the keeper and not left.
    keeper: RefCell<Vec<u64>>,
    /// The last window in which it tried to become the keeper.
    tried: Cell<u64>,
    /// The last window in which it did the keeper's whole work, and when it last turned the timer.
    kept: Cell<u64>,
    turned_ms: Cell<u64>,
    /// Whether it put something into the timer, so that it must see that somebody keeps the time.
    pub(super) timed: Cell<bool>,
}

fn remember(windows: &RefCell<Vec<u64>>, window: u64) {
    let mut windows = windows.borrow_mut();
    windows.push(window);
    if windows.len() > 2 {
        windows.remove(0);
    }
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    fn window(&self) -> u64 {
        window(self.queue.env().now_ms())
    }

    /// Registers in this window, unless it is.
    pub(super) async fn join(&self) -> Result<(), StoreError> {
        let window = self.window();
        if !self.shift.worker.borrow().contains(&window) {
            self.queue.join(WORKERS, window).await?;
            remember(&self.shift.worker, window);
        }
        Ok(())
    }

    /// Leaves every window that it joined. False if it was not registered.
    pub(super) async fn leave(&self) -> Result<bool, StoreError> {
        let windows = self.shift.worker.take();
        for window in &windows {
            self.queue.leave(WORKERS, *window).await?;
        }
        Ok(!windows.is_empty())
    }

    pub(super) async fn leave_keeper(&self) -> Result<(), StoreError> {
        for window in self.shift.keeper.take() {
            self.queue.leave(KEEPER, window).await?;
        }
        Ok(())
    }

    pub(super) async fn take_keeper(&self, again: bool) -> Result<bool, StoreError> {
        self.shift.tried.set(self.window());
        let taken = self.queue.take_keeper(again).await?;
        if let Some(window) = taken {
            remember(&self.shift.keeper, window);
        }
        Ok(taken.is_some())
    }

    /// Does the keeper's work if it is due and this instance is the keeper, or if nobody was in this window yet. A
    /// failure is logged: the next pass does what was left undone.
    pub(super) async fn keep_if_due(&self) {
        if let Err(e) = self.try_keep().await {
            self.queue
                .env()
                .log(&format!("the keeper's work is put off: {e}"));
        }
    }

    async fn try_keep(&self) -> Result<(), QueueError> {
        let now_ms = self.queue.env().now_ms();
        let window = self.window();
        let keeper = !self.shift.keeper.borrow().is_empty();
        let here = || self.shift.keeper.borrow().contains(&window);
        if !here() && self.shift.tried.get() != window && !self.take_keeper(keeper).await? {
            // Somebody else keeps this window.
            self.leave_keeper().await?;
        }
        if !here() {
            return Ok(());
        }
        if self.shift.kept.replace(window) != window {
            self.shift.turned_ms.set(now_ms);
            self.queue.keep().await?;
        } else if now_ms / TURN_MS != self.shift.turned_ms.get() / TURN_MS {
            self.shift.turned_ms.set(now_ms);
            self.queue.keep_time().await?;
        }
        Ok(())
    }

    /// Steps aside for a task that computes: others must know that nobody is here.
    pub(super) async fn step_aside(&self) -> Result<(), QueueError> {
        self.leave().await?;
        let kept = !self.shift.keeper.borrow().is_empty();
        self.leave_keeper().await?;
        if kept && self.queue.keeper_needed().await? {
            self.queue.env().wake(Wake::Keep).await;
        } else if self.deserted().await? {
            self.queue.env().wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Called when nothing is left to do here. True if the instance may end; false if there is work again.
    pub(super) async fn ends(&self) -> Result<bool, QueueError> {
        // Leave first and look then: enqueueing writes first and looks then.
        self.leave().await?;
        if self.queue.waiting().await? > 0 {
            if !self.budget_over() {
                return Ok(false);
            }
            if self.deserted().await? {
                self.queue.env().wake(Wake::Work).await;
            }
        }
        loop {
            let kept = !self.shift.keeper.borrow().is_empty();
            if !kept && !self.shift.timed.get() {
                return Ok(true);
            }
            self.leave_keeper().await?;
            if !self.queue.keeper_needed().await? {
                return Ok(true);
            }
            if self.budget_over() {
                self.queue.env().wake(Wake::Keep).await;
                return Ok(true);
            }
            if !self.take_keeper(true).await? {
                return Ok(true);
            }
            if self.keep_for_a_window().await? {
                return Ok(false);
            }
        }
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
            if self.budget_over() || self.shift.keeper.borrow().is_empty() {
                break;
            }
        }
        Ok(false)
    }
}
