//! The loop of one worker. Its end is in `registration`.

use crate::base::env::{Env, Wake};
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::claims::share::{Claims, Room};
use crate::model::delivery::{Delivery, Ticket};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::worker::state::{Runner, Worker};
use futures::future::Either;
use futures::future::FutureExt;
use futures::future::select;
use futures::stream::FuturesUnordered;
use futures::stream::StreamExt;
use std::collections::VecDeque;
use std::pin::pin;

/// A worker with tasks in progress looks for more this often.
const POLL_MS: u64 = 20;

/// A task that computes waits this long for those in progress to end. Where short tasks never
/// cease, one worker after the other would put it back otherwise. Where long tasks run, another
/// instance begins it sooner. Each time that it was put back adds as much, up to [`HOLD_MAX_MS`].
const HOLD_MS: u64 = 200;

/// A lost task is put back at once, up to this epoch.
const PUT_BACK_AT_ONCE: u64 = 4;

/// The longest hold. It is below [`crate::BEGIN_MS`].
const HOLD_MAX_MS: u64 = 1_500;

/// An instance has room for one system task per so many users' tasks, on top of these.
const SYSTEM_PART: usize = 8;

/// A worker ends after so many failures of the store in a row. The queue goes on with the next
/// request.
const FAILURES_MAX: u32 = 20;

/// The tasks and tickets that a worker has taken and not begun.
struct Hand {
    /// Tickets whose slots were empty so far.
    empty_tickets: Vec<Ticket>,
    /// Tasks that begin when those in progress leave room for their bytes.
    ready: VecDeque<Delivery>,
    /// A task that is to run alone. It begins here when those in progress have ended, unless that
    /// takes too long.
    next: Option<Delivery>,
    /// Tasks to put back.
    others: Vec<Delivery>,
    /// The worker met a task that is to run alone while others were in progress. It takes nothing
    /// more until these have ended.
    alone: bool,
    /// The number of tickets of the next claim.
    batch: u64,
    /// Failures of the store in a row: of claims, and of tries to end.
    failures: u32,
    ends_failed: u32,
}

impl Default for Hand {
    fn default() -> Self {
        Self {
            empty_tickets: Vec::new(),
            ready: VecDeque::new(),
            next: None,
            others: Vec::new(),
            alone: false,
            batch: 1,
            failures: 0,
            ends_failed: 0,
        }
    }
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Registers the worker. The caller answers the wake-up after this, so the waker can rely on
    /// the worker.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn start(&self, wake: Wake) -> Result<(), QueueError> {
        self.join().await?;
        if wake == Wake::Keep
            && let Err(e) = self.take_keeper(true).await
        {
            self.queue.env().log(&e.to_string());
        }
        Ok(())
    }

    /// Works until nothing is left to do or the budget is over.
    ///
    /// # Errors
    /// If the store fails too often in a row. Nothing is lost: rescue finds the tasks that the
    /// worker took.
    pub async fn work(&self) -> Result<(), QueueError> {
        let mut running = FuturesUnordered::new();
        let mut hand = Hand::default();
        loop {
            let took = self.take_more(&mut running, &mut hand).await?;
            self.begin_ready(&mut running, &mut hand, |delivery| self.begin(delivery));
            let others = self.leave_to_others(&mut hand, running.is_empty());
            self.beside(&mut running, self.put_back(others)).await;
            self.beside(&mut running, async {
                self.flush().await;
                self.keep_if_due().await;
            })
            .await;
            if running.is_empty() {
                // Write the outcomes of tasks that ended during the keeper's work.
                self.flush().await;
                if self.is_over_alone(&mut hand, took).await? {
                    return Ok(());
                }
                continue;
            }
            if !took {
                let pause_ms = self.pause_ms(&hand.empty_tickets);
                let tick = pin!(self.queue.env().sleep_ms(pause_ms));
                select(running.next(), tick).await;
            }
            self.beside(&mut running, self.flush()).await;
        }
    }

    /// Takes tickets and sorts the tasks in their slots. Returns whether it found any.
    async fn take_more(
        &self,
        running: &mut FuturesUnordered<impl Future<Output = ()>>,
        hand: &mut Hand,
    ) -> Result<bool, QueueError> {
        hand.alone &= !running.is_empty();
        let room = if hand.alone || !hand.ready.is_empty() {
            Room::default()
        } else {
            self.room(hand.batch)
        };
        let take = self.take(room, &mut hand.empty_tickets);
        let found = match self.beside(running, take).await {
            Ok(found) => {
                hand.failures = 0;
                found
            }
            Err(e) => {
                self.queue.env().log(&e.to_string());
                hand.failures += 1;
                if hand.failures > FAILURES_MAX && running.is_empty() {
                    return Err(e);
                }
                let pause_ms = POLL_MS * u64::from(hand.failures);
                let pause = self.queue.env().sleep_ms(pause_ms);
                self.beside(running, pause).await;
                Vec::new()
            }
        };
        let took = !found.is_empty();
        for delivery in found {
            let computes = self.runs_alone(&delivery);
            if Claims::of(&self.queue).too_late(&delivery) || computes && hand.next.is_some() {
                hand.others.push(delivery);
                continue;
            }
            // Note it now, not at its first poll: another task's panic may come before that.
            self.hold(&delivery, None);
            match computes {
                true => hand.next = Some(delivery),
                false => hand.ready.push_back(delivery),
            }
        }
        Ok(took)
    }

    /// Begins the tasks that have room beside those in progress.
    fn begin_ready<F: Future<Output = ()>>(
        &self,
        running: &mut FuturesUnordered<F>,
        hand: &mut Hand,
        begin: impl Fn(Delivery) -> F,
    ) {
        while let Some(delivery) = self.next_that_fits(&mut hand.ready) {
            // The instance may have stalled since it took the task.
            if Claims::of(&self.queue).too_late(&delivery) {
                hand.others.push(delivery);
                continue;
            }
            running.push(begin(delivery));
            while let Some(Some(())) = running.next().now_or_never() {}
        }
        while let Some(Some(())) = running.next().now_or_never() {}
    }

    /// Returns the tasks that another instance begins sooner. Tasks that wait begin at once. A task
    /// that is to run alone begins here when nothing else runs, or in an instance that is free.
    fn leave_to_others(&self, hand: &mut Hand, idle: bool) -> Vec<Delivery> {
        hand.batch = (hand.batch * 2).min(self.limits.batch_max);
        if hand.next.is_some() || !hand.others.is_empty() {
            hand.batch = 1;
            hand.alone = !idle;
        }
        let alone = hand.alone;
        let too_long = |next: &mut Delivery| {
            let hold_ms = self.hold_ms(next).min(HOLD_MAX_MS);
            alone && Claims::of(&self.queue).waited_ms(next) >= hold_ms
        };
        hand.others.extend(hand.next.take_if(too_long));
        let waited_ms = |delivery: &Delivery| Claims::of(&self.queue).waited_ms(delivery);
        while hand
            .ready
            .front()
            .is_some_and(|d| waited_ms(d) > HOLD_MAX_MS)
        {
            hand.others.extend(hand.ready.pop_front());
        }
        std::mem::take(&mut hand.others)
    }

    /// Goes on without tasks in progress: computes, waits for empty slots, or ends. Returns true if
    /// the instance may end.
    async fn is_over_alone(&self, hand: &mut Hand, took: bool) -> Result<bool, QueueError> {
        if !hand.ready.is_empty() {
            // These tasks have room now.
            return Ok(false);
        }
        if let Some(delivery) = hand.next.take() {
            self.compute(delivery, &mut hand.empty_tickets).await;
        } else if !hand.empty_tickets.is_empty() {
            let pause_ms = self.pause_ms(&hand.empty_tickets);
            self.queue.env().sleep_ms(pause_ms).await;
        } else if !took && hand.failures == 0 {
            match self.ends().await {
                Ok(true) => return Ok(true),
                Ok(false) => hand.ends_failed = 0,
                // This worker may be the keeper while entries are due. One failed call must not end
                // that.
                Err(e) => {
                    self.queue.env().log(&e.to_string());
                    hand.ends_failed += 1;
                    if hand.ends_failed > FAILURES_MAX {
                        return Err(e);
                    }
                    let wait_ms = POLL_MS * u64::from(hand.ends_failed);
                    self.queue.env().sleep_ms(wait_ms).await;
                }
            }
        }
        Ok(false)
    }

    /// The room for a batch. System tasks have room of their own, so users' tasks begin however
    /// slow the receivers of webhooks are.
    fn room(&self, batch: u64) -> Room {
        let in_progress = self.in_progress.borrow();
        let is_system = |key: &&(u64, u64)| Lane::of(key.0).is_system();
        let system = in_progress.keys().filter(is_system).count();
        let user = in_progress.len() - system;
        let most = self.limits.in_progress_max;
        let system_max = (most / SYSTEM_PART).max(1);
        let fits = batch.min(self.load.room());
        Room {
            user: fits.min(most.saturating_sub(user) as u64),
            system: fits.min(system_max.saturating_sub(system) as u64),
        }
    }

    /// How long a task that is to run alone waits for those in progress, in milliseconds. A lost
    /// task waits for none at first: one of them may end its instance again.
    fn hold_ms(&self, delivery: &Delivery) -> u64 {
        let computes = self.runner.computes(&delivery.task.kind);
        let times = match computes || !enabled(Guard::ShunWhatMayKill) {
            true => delivery.epoch + 1,
            false => delivery.epoch.saturating_sub(PUT_BACK_AT_ONCE),
        };
        HOLD_MS.saturating_mul(times)
    }

    /// The pause before the next claim and the next look into empty slots. It is short at first,
    /// since the enqueuer is about to fill its slot. After that the pause doubles.
    fn pause_ms(&self, empty_tickets: &[Ticket]) -> u64 {
        let now_ms = self.queue.env().now_ms();
        let ages = empty_tickets
            .iter()
            .map(|t| now_ms.saturating_sub(t.taken_ms));
        ages.min().unwrap_or(POLL_MS).clamp(1, POLL_MS)
    }

    /// Waits for `work` while tasks in progress go on and their outcomes are written. A slow store,
    /// or a host that starts no other instance, must not make tasks overrun their timeout.
    async fn beside<T>(
        &self,
        running: &mut FuturesUnordered<impl Future<Output = ()>>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        while !running.is_empty() {
            if let Either::Left((done, _)) = select(work.as_mut(), running.next()).await {
                return done;
            }
            while let Some(Some(())) = running.next().now_or_never() {}
            self.flush().await;
        }
        work.await
    }

    /// Runs a task alone that computes or was lost. The worker gives up everything that others
    /// could count on.
    async fn compute(&self, delivery: Delivery, empty_tickets: &mut Vec<Ticket>) {
        self.give_up_empty(empty_tickets).await;
        if let Err(e) = self.free_unused(&[]).await {
            self.queue.env().log(&e.to_string());
        }
        let computes = self.runner.computes(&delivery.task.kind);
        if let Err(e) = self.start_computing(computes).await {
            self.queue.env().log(&e.to_string());
            // Whether a keeper is registered is not known.
            self.queue.wake(Wake::Keep).await;
        }
        if Claims::of(&self.queue).too_late(&delivery) {
            self.put_back(vec![delivery]).await;
        } else {
            self.renewing(self.begin(delivery)).await;
        }
        self.flush().await;
        if let Err(e) = self.stop_computing().await {
            self.queue.env().log(&e.to_string());
        }
    }

    /// Writes the outcomes of short tasks, all at once.
    pub(crate) async fn flush(&self) {
        let outcomes = self.outcomes.take();
        self.retry_write(|| self.queue.write_all(&outcomes)).await;
    }

    /// Repeats a write that the store failed. A lost outcome would run its task a second time.
    pub(crate) async fn retry_write<T, X: std::fmt::Display>(
        &self,
        mut write: impl AsyncFnMut() -> Result<T, X>,
    ) -> Option<T> {
        for tries in 1..=5 {
            match write().await {
                Ok(done) => return Some(done),
                Err(e) => {
                    self.queue.env().log(&e.to_string());
                    self.queue.env().sleep_ms(50 * tries).await;
                }
            }
        }
        None
    }

    pub(crate) fn budget_over(&self) -> bool {
        self.queue.env().now_ms().saturating_sub(self.started_ms) >= self.limits.budget_ms
    }
}
