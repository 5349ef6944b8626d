//! One worker instance: claims, runs, reports, keeps time, and hands over before its budget ends.

mod control;
mod run;
mod shift;

pub use control::Control;

use crate::attempt::Ending;
use crate::claim::Found;
use crate::config::ASIDE_MS;
use crate::presence::WORKERS;
use crate::{Delivery, Env, Outcome, Queue, QueueError, Store, StoreError, Ticket, Wake};
use futures::future::{FutureExt, select};
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use shift::Shift;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;

/// How often a worker with tasks in progress looks for more.
const POLL_MS: u64 = 20;
/// A worker that the store failed this often in a row ends; the queue goes on with the next request.
const FAILURES_MAX: u32 = 20;

/// Runs tasks of this deployment.
#[allow(async_fn_in_trait)] // Components have one thread; nothing here needs Send.
pub trait Runner {
    /// Whether tasks of this kind compute, so that nothing else may run beside them in the same instance.
    fn computes(&self, kind: &str) -> bool;
    /// Runs one attempt.
    async fn run(&self, kind: &str, args: Value, control: Rc<Control>) -> Outcome;
}

/// What one instance takes on.
#[derive(Debug, Clone, Copy)]
pub struct WorkerLimits {
    /// It takes new tasks for this long, in milliseconds; then a successor does. Below the host's request limit.
    pub budget_ms: u64,
    /// The most tickets taken at once.
    pub batch_max: u64,
    /// The most tasks in progress at once.
    pub in_progress_max: usize,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            budget_ms: 25_000,
            batch_max: 64,
            in_progress_max: 256,
        }
    }
}

/// How far a run is.
#[derive(Clone)]
enum InProgress {
    /// Its code runs: another may have to go on from where this run began.
    Runs(Box<Delivery>),
    /// It has ended: only that may be written of it.
    Ended(Box<Ending>),
}

/// A worker instance. [`Worker::start`] registers it, [`Worker::work`] does the rest.
pub struct Worker<S, E, R> {
    queue: Queue<S, E>,
    runner: R,
    limits: WorkerLimits,
    started_ms: u64,
    shift: Shift,
    /// What is being run here, by (slot, epoch), so that a panic can hand it over.
    in_progress: RefCell<BTreeMap<(u64, u64), InProgress>>,
    current: std::cell::Cell<Option<(u64, u64)>>,
    /// Outcomes of short tasks, written together.
    outcomes: RefCell<Vec<(String, Vec<u8>)>>,
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// A worker of `queue` that is not yet registered.
    pub fn new(queue: Queue<S, E>, runner: R, limits: WorkerLimits) -> Self {
        Self {
            started_ms: queue.env().now_ms(),
            queue,
            runner,
            limits,
            shift: Shift::default(),
            in_progress: RefCell::default(),
            current: Default::default(),
            outcomes: RefCell::default(),
        }
    }

    /// Registers. Whoever woke this worker is answered after this, so that it can rely on it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn start(&self, wake: Wake) -> Result<(), QueueError> {
        self.join().await?;
        if wake == Wake::Keep {
            self.take_keeper(true).await?;
        }
        Ok(())
    }

    /// Works until nothing is left to do or the budget is over.
    ///
    /// # Errors
    /// If the store fails again and again. Nothing is lost by that: what was taken is rescued.
    pub async fn work(&self) -> Result<(), QueueError> {
        let mut running = FuturesUnordered::new();
        let mut aside = Vec::new();
        let mut batch = 1;
        // Met a task that computes while others are in progress: takes nothing more until they have ended.
        let mut alone = false;
        let mut failures = 0;
        loop {
            if running.is_empty() {
                alone = false;
            }
            let room = self.limits.in_progress_max.saturating_sub(running.len());
            let most = if alone { 0 } else { batch.min(room as u64) };
            let found = match self.take(most, &mut aside).await {
                Ok(found) => {
                    failures = 0;
                    found
                }
                Err(e) => {
                    self.queue.env().log(&e.to_string());
                    failures += 1;
                    if failures > FAILURES_MAX && running.is_empty() {
                        return Err(e);
                    }
                    self.queue
                        .env()
                        .sleep_ms(POLL_MS * u64::from(failures))
                        .await;
                    Vec::new()
                }
            };
            let took = !found.is_empty();
            let mut computing = Vec::new();
            for delivery in found {
                if self.queue.too_late(&delivery) || self.runner.computes(&delivery.task.kind) {
                    computing.push(delivery);
                } else {
                    running.push(self.run(delivery));
                }
            }
            while let Some(Some(())) = running.next().now_or_never() {}
            // Tasks that wait begin all at once; one that computes begins alone, here or in an instance that is free.
            batch = (batch * 2).min(self.limits.batch_max);
            if !computing.is_empty() {
                batch = 1;
                alone = !running.is_empty();
                let fits = |d: &Delivery| !alone && !self.queue.too_late(d);
                let here = computing.first().is_some_and(fits);
                self.put_back(computing.split_off(usize::from(here))).await;
            }

            self.flush().await;
            self.keep_if_due().await;
            if running.is_empty() {
                if let Some(delivery) = computing.pop() {
                    self.compute(delivery).await;
                } else if !aside.is_empty() {
                    self.queue.env().sleep_ms(POLL_MS).await;
                } else if !took && failures == 0 && self.ends().await? {
                    return Ok(());
                }
                continue;
            }
            if !took {
                let tick = pin!(self.queue.env().sleep_ms(POLL_MS));
                select(running.next(), tick).await;
            }
            self.flush().await;
        }
    }

    /// Takes tickets and looks into their slots and into those set aside.
    async fn take(&self, most: u64, aside: &mut Vec<Ticket>) -> Result<Vec<Delivery>, QueueError> {
        let mut tickets = Vec::new();
        if self.budget_over() || most == 0 {
            self.stop_taking().await?;
        } else {
            self.join().await?;
            tickets = self.queue.claim(most).await?;
        }
        tickets.append(aside);
        if tickets.is_empty() {
            return Ok(Vec::new());
        }
        let mut deliveries = Vec::new();
        let mut empty = Vec::new();
        self.sort(
            self.queue.look(&tickets).await?,
            &mut deliveries,
            &mut empty,
        );
        let mut filled = Vec::new();
        for ticket in empty {
            let age_ms = self.queue.env().now_ms().saturating_sub(ticket.taken_ms);
            if age_ms < ASIDE_MS && !self.budget_over() {
                aside.push(ticket);
            } else if self.queue.give_up(ticket.slot).await? {
                filled.push(ticket);
            }
        }
        self.sort(
            self.queue.look(&filled).await?,
            &mut deliveries,
            &mut Vec::new(),
        );
        Ok(deliveries)
    }

    fn sort(&self, found: Vec<Found>, deliveries: &mut Vec<Delivery>, empty: &mut Vec<Ticket>) {
        for found in found {
            match found {
                Found::Run(delivery) => deliveries.push(*delivery),
                Found::Empty(ticket) => empty.push(ticket),
                Found::Write(key, value) => self.outcomes.borrow_mut().push((key, value)),
                Found::Nothing => {}
            }
        }
    }

    /// Runs a task that computes, alone. Nobody may count on this instance meanwhile.
    async fn compute(&self, delivery: Delivery) {
        if let Err(e) = self.step_aside().await {
            self.queue.env().log(&e.to_string());
        }
        if self.queue.too_late(&delivery) {
            self.put_back(vec![delivery]).await;
        } else {
            self.run(delivery).await;
        }
        self.flush().await;
    }

    /// Gives back what can't begin here, or not in time.
    async fn put_back(&self, deliveries: Vec<Delivery>) {
        if let Err(e) = self.queue.put_back(deliveries).await {
            self.queue.env().log(&e.to_string());
        }
    }

    /// Writes the outcomes of short tasks, all at once.
    async fn flush(&self) {
        let outcomes = self.outcomes.take();
        self.insist(|| self.queue.write(outcomes.clone())).await;
    }

    /// Tries a write again that the store failed: a lost outcome would run its task a second time.
    async fn insist<F: Future<Output = Result<T, X>>, T, X: std::fmt::Display>(
        &self,
        mut write: impl FnMut() -> F,
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

    fn budget_over(&self) -> bool {
        self.queue.env().now_ms().saturating_sub(self.started_ms) >= self.limits.budget_ms
    }

    /// Takes no more: others must know, and somebody must be there for what waits already.
    async fn stop_taking(&self) -> Result<(), StoreError> {
        if self.leave().await? && self.deserted().await? {
            self.queue.env().wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Whether slots wait and nobody is registered to take them.
    async fn deserted(&self) -> Result<bool, StoreError> {
        Ok(self.queue.waiting().await? > 0 && self.queue.presence(WORKERS).await?.present() == 0)
    }
}
