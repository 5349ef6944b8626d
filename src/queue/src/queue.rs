//! The face of the engine: what a component may ask of a queue.

use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::base::limits::{Limits, WorkerLimits};
use crate::failed::again::Retried;
use crate::failed::list::FailedList;
use crate::failed::page::{BulkResult, Discarded, FailedPage};
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{IdempotencyKey, Once};
use crate::limits::wake::Wakes;
use crate::model::receipt::Receipt;
use crate::model::state::State;
use crate::model::task::{Fits, TaskSpec, Trace};
use crate::progress::record::{KeeperRecord, Noticed};
use crate::requests::cancel::{Cancelled, Canceller};
use crate::requests::depth::{Admin, Depth};
use crate::requests::enqueue::Enqueuer;
use crate::requests::list::{Lists, TaskPage};
use crate::requests::statistics::{Metrics, Statistics, StatisticsReader};
use crate::requests::wait::Waits;
use crate::requests::watch::{Event, Seen, Watch, Watches};
use crate::runs::view::{TaskStatus, TaskView, Views};
use crate::slots::head::Waiting;
use crate::store::contract::Store;
use crate::store::core::Core;
use crate::store::error::QueueError;
use crate::worker::state::{Runner, Worker};
use std::cell::LazyCell;

mod plans;

/// One queue in one store. It is cheap to make, and holds nothing but the store, the environment
/// and the limits.
pub struct Queue<S, E> {
    core: Core<S, E>,
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Opens the queue `name` in `store`. A name has 1 to 32 characters of `a-z 0-9 _`.
    ///
    /// # Errors
    /// [`QueueError::Name`] if the name has other characters or another length.
    pub fn new(name: &str, store: S, env: E) -> Result<Self, QueueError> {
        Ok(Self {
            core: Core::new(name, store, env)?,
        })
    }

    /// Returns the same queue with limits. Workers enforce them. An enqueuer that knows them wakes
    /// no worker that could take nothing.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        self.with_limits_from(move || limits)
    }

    /// Returns the same queue with limits that it reads once, when a step first needs them.
    #[must_use]
    pub fn with_limits_from(mut self, read: impl FnOnce() -> Limits + 'static) -> Self {
        self.core.limits = LazyCell::new(Box::new(read));
        self
    }

    /// Opens another queue in the same store, without limits.
    ///
    /// # Errors
    /// As for [`Queue::new`].
    pub fn named(&self, name: &str) -> Result<Self, QueueError>
    where
        S: Clone,
        E: Clone,
    {
        Self::new(name, self.core.store.clone(), self.core.env.clone())
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        self.core.name()
    }

    /// The store that holds the queue.
    pub fn store(&self) -> &S {
        &self.core.store
    }

    /// The environment: clock, random source and waker.
    pub fn env(&self) -> &E {
        &self.core.env
    }

    /// Enqueues a failed task again, once: repeated calls find the same new task. The failed task
    /// leaves the failed list and stays readable until its retention is over.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The new task may run all the same, and a
    /// repeated request finds it.
    pub async fn retry(&self, id: &TaskId, trace: Option<Trace>) -> Result<Retried, QueueError> {
        FailedList::of(&self.core).retry(id, trace).await
    }

    /// Returns the retry of a failed task, while it is known.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn retry_of(&self, id: &TaskId, of: &TaskSpec) -> Result<Option<TaskId>, QueueError> {
        FailedList::of(&self.core).retried_as(id, of).await
    }

    /// Lists tasks that fit, newest first, or those in the state `queued` by priority, and within one
    /// in the order in which they are claimed: at most `most`, from a place in an earlier page on. A
    /// page may be short, or empty, without being the last one. A task that waits for the limits of
    /// its key has no place in the backlog.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(
        &self,
        state: Option<State>,
        fits: Fits<'_>,
        from: Option<&[u64]>,
        most: usize,
    ) -> Result<TaskPage, QueueError> {
        Lists::of(&self.core).list(state, fits, from, most).await
    }

    /// Retries the failed tasks that fit before number `before`, newest first, until `end_ms`.
    /// Returns the receipts of the new tasks as one. Two concurrent calls share the work.
    ///
    /// # Errors
    /// If the store fails before any task was retried.
    pub async fn retry_failed(
        &self,
        fits: Fits<'_>,
        before: Option<u64>,
        end_ms: u64,
        trace: Option<Trace>,
    ) -> Result<BulkResult<Receipt>, QueueError> {
        let list = FailedList::of(&self.core);
        list.retry_failed(fits, before, end_ms, trace).await
    }

    /// Reads a page of the failed list, newest first: at most `most` tasks that fit, before number
    /// `before`. A page may be short without being the last one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn failed(
        &self,
        fits: Fits<'_>,
        before: Option<u64>,
        most: usize,
    ) -> Result<FailedPage, QueueError> {
        FailedList::of(&self.core).failed(fits, before, most).await
    }

    /// Removes a failed task from the failed list. The task stays readable until its retention is
    /// over. The call is idempotent.
    ///
    /// # Errors
    /// If the store fails. The task may be off the list all the same.
    pub async fn discard(&self, id: &TaskId) -> Result<Discarded, QueueError> {
        FailedList::of(&self.core).discard(id).await
    }

    /// Discards the failed tasks that fit before number `before`, newest first, until `end_ms`.
    /// Returns how many it discarded, or with `dry_run` would discard.
    ///
    /// # Errors
    /// If the store fails. Some tasks may be off the list all the same.
    pub async fn discard_failed(
        &self,
        fits: Fits<'_>,
        before: Option<u64>,
        end_ms: u64,
        dry_run: bool,
    ) -> Result<BulkResult<u64>, QueueError> {
        let list = FailedList::of(&self.core);
        list.discard_failed(fits, before, end_ms, dry_run).await
    }

    /// Enqueues a task unless an earlier request with this key did. A repeated request finds the
    /// earlier task until the key's time to live is over. The call is idempotent.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The task may run all the same, and a repeated
    /// request finds it.
    pub async fn enqueue_once(
        &self,
        task: TaskSpec,
        key: &IdempotencyKey,
    ) -> Result<Once, QueueError> {
        Idempotency::of(&self.core).enqueue_once(task, key).await
    }

    /// Wakes a worker for the tasks of `receipt`, unless enough workers are registered. The
    /// enqueuer wrote first and reads the registrations now. A leaving worker leaves first and then
    /// reads the queue. So one of the two sees the other. Returns true if a needed worker or keeper
    /// was missing. `workers_max` is called only if it may wake a worker.
    ///
    /// # Errors
    /// If the store fails. Then the next request wakes a worker.
    pub async fn wake_for(
        &self,
        receipt: &Receipt,
        workers_max: impl FnOnce() -> u64,
    ) -> Result<bool, QueueError> {
        Wakes::of(&self.core).wake_for(receipt, workers_max).await
    }

    /// Wakes a worker if nothing pushes the queue along. That is the case if no keeper joined this
    /// window. With `waits` (the caller asked for an open task) it is also the case if claimable
    /// slots exist while no worker is registered. The API calls this after each answer, so nothing
    /// depends on a resident process. Returns true if it woke a worker.
    ///
    /// # Errors
    /// If the store fails. Then the next request tries again.
    pub async fn push_along(&self, waits: bool) -> Result<bool, QueueError> {
        Wakes::of(&self.core).push_along(waits).await
    }

    /// Pauses the queue: from now on no worker takes users' tasks. Running tasks and system tasks
    /// go on, and the queue still accepts tasks. The call is idempotent.
    ///
    /// # Errors
    /// If the store fails. The queue may be paused all the same.
    pub async fn pause(&self) -> Result<(), QueueError> {
        Admin::of(&self.core).pause().await
    }

    /// Resumes the queue: workers take tasks again. Wakes a worker if slots wait. The call is
    /// idempotent.
    ///
    /// # Errors
    /// If the store fails. The queue may be resumed all the same.
    pub async fn resume(&self) -> Result<(), QueueError> {
        Admin::of(&self.core).resume().await
    }

    /// Cancels users' tasks that wait in the backlog, paused or not. It takes the oldest slots, at
    /// most `left` of each priority and at most 200 in all. It subtracts the number taken from
    /// `left` and returns it: 0 if nothing waits. Tasks that wait for a time, or run, stay
    /// untouched.
    ///
    /// # Errors
    /// If the store fails. Some tasks may be cancelled; the others run later.
    pub async fn purge(&self, left: &mut Waiting) -> Result<u64, QueueError> {
        Admin::of(&self.core).purge(left).await
    }

    /// Cancels a task. The call is idempotent.
    ///
    /// # Errors
    /// If the store fails. The request may be in the store all the same.
    pub async fn cancel(&self, id: &TaskId) -> Result<Cancelled, QueueError> {
        Canceller::of(&self.core).cancel(id).await
    }

    /// Reads the depth of the queue in 3 reads. It takes 4 more once any task had a priority, 2
    /// once the queue had a system task, and 1 once it was paused.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        Admin::of(&self.core).depth().await
    }

    /// Enqueues tasks. All tasks of one lane take one increment and one write, whatever their
    /// number. The return acknowledges them. Pass the answer on first, then wake a worker with
    /// [`Queue::wake_for`].
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. All or some of the tasks may run all the same.
    pub async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Result<Receipt, QueueError> {
        Enqueuer::of(&self.core).enqueue(tasks).await
    }

    /// Reads the statistics of the queue. It reads at most about 300 records, or 600 once any task
    /// had a priority, and those of at most 1,000 failed tasks, however long the backlog is.
    ///
    /// # Errors
    /// If the store fails, or the keeper's record can't be read.
    pub async fn statistics(&self) -> Result<Statistics, QueueError> {
        StatisticsReader::of(&self.core).statistics().await
    }

    /// Reads what keepers last found wrong, in one call: clocks of hosts that differed by more than
    /// they may, and a store that lost writes which it had acknowledged.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn noticed(&self) -> Result<Noticed, QueueError> {
        KeeperRecord::of(&self.core).noticed().await
    }

    /// Reads the counters of the queue, which never fall, and its history: in four calls.
    ///
    /// # Errors
    /// If the store fails, or a record can't be read.
    pub async fn metrics(&self) -> Result<Metrics, QueueError> {
        StatisticsReader::of(&self.core).metrics().await
    }

    /// Waits until a task is final, for at most `wait_ms`. Each look at an open task costs two
    /// reads.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn wait(&self, id: &TaskId, wait_ms: u64) -> Result<TaskStatus, QueueError> {
        Waits::of(&self.core).wait(id, wait_ms).await
    }

    /// Watches a task from a position on. Returns `None` if no task has this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn watch(&self, id: &TaskId, seen: Seen) -> Result<Option<Watch>, QueueError> {
        Watches::of(&self.core).watch(id, seen).await
    }

    /// Reads whether a task is final, in at most 4 reads.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn status(&self, id: &TaskId) -> Result<TaskStatus, QueueError> {
        Views::of(&self.core).status(id).await
    }

    /// Reads everything about a task. Returns `None` if no task has this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn view(&self, id: &TaskId) -> Result<Option<TaskView>, QueueError> {
        Views::of(&self.core).view(id).await
    }
}

impl Watch {
    /// Returns the new events, at once or within `wait_ms`. Returns none if nothing happened by
    /// then.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn next<S: Store, E: Env>(
        &mut self,
        queue: &Queue<S, E>,
        wait_ms: u64,
    ) -> Result<Vec<(Seen, Event<'_>)>, QueueError> {
        self.next_in(&queue.core, wait_ms).await
    }
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Creates a worker of `queue` that is not yet registered.
    pub fn new(queue: Queue<S, E>, runner: R, limits: WorkerLimits) -> Self {
        Self::of_core(queue.core, runner, limits)
    }
}
