//! The queue protocol of Handoff: a durable task queue on a key-value store whose only atomic is `increment`.
//!
//! This crate never names a host. The store is the trait [`Store`]; time, randomness, sleeping and waking come from
//! the trait [`Env`]; so the same code runs inside a component and inside a test with virtual time.
//!
//! docs/protocol tells the protocol as a whole. In short: a task gets a numbered *slot* by incrementing `tail`;
//! a worker gets *tickets* by incrementing `head`; the holder of ticket n owns *epoch* 0 of the task in slot n. Every
//! later delivery is an *announcement*, a slot that names (task, epoch), and whoever first increments that epoch's
//! claim counter owns it. Every key is a counter, or has one writer, or all its writers write the same bytes.

mod base;
mod claims;
mod completion;
mod failed;
mod idempotency;
mod keeper;
mod limits;
mod model;
mod presence;
mod progress;
mod requests;
mod rescue;
mod runs;
mod schedule;
mod slots;
mod store;
mod timer;
mod worker;
mod workflow;

pub use base::config::*;
pub use base::env::{Cron, Env, Wake};
#[cfg(feature = "sabotage")]
pub use base::guard::{Guard, sabotage::leave_out};
pub use base::id::TaskId;
pub use base::json::Json;
pub use base::limits::{KeyLimits, Limits, Rate, WorkerLimits};
pub use base::priority::Priority;
pub use base::retry::RetryPolicy;
pub use failed::again::Retried;
pub use failed::page::{BulkResult, Discarded, FailedPage};
pub use idempotency::key::{IdempotencyKey, Once};
pub use model::delivery::{Delivery, Finished, Outcome, Ticket};
pub use model::ended::Counts;
pub use model::receipt::Receipt;
pub use model::report::{LogLine, Report};
pub use model::run::{AttemptError, Place, Run, RunState};
pub use model::state::State;
pub use model::task::{FollowUp, Membership, Occurrence, Task, TaskSpec, Trace, WORKFLOW};
pub use requests::cancel::Cancelled;
pub use requests::depth::Depth;
pub use requests::statistics::{Percentiles, Statistics};
pub use requests::watch::{Event, Seen, Watch};
pub use runs::view::{TaskStatus, TaskView};
pub use schedule::spec::{Missed, Overlap, Put, Rule, Schedule, ScheduleView, Schedules};
pub use slots::head::Waiting;
pub use store::contract::{Store, StoreError};
pub use store::error::QueueError;
pub use store::keys::check_name;
pub use store::memory;
pub use worker::control::Control;
pub use worker::state::{Runner, Worker};
pub use workflow::spec::{Member, OnFailure, Step, Workflow};
pub use workflow::view::{MemberView, WorkflowView};

use failed::list::FailedList;
use idempotency::enqueue::Idempotency;
use limits::wake::Wakes;
use requests::cancel::Canceller;
use requests::depth::Admin;
use requests::enqueue::Enqueuer;
use requests::statistics::StatisticsReader;
use requests::wait::Waits;
use requests::watch::Watches;
use runs::view::Views;
use schedule::records::Scheduler;
use store::core::Core;
use workflow::gather::Workflows;

/// One queue in one store. Cheap to make; holds no state of its own besides the two handles and what limits it.
pub struct Queue<S, E> {
    core: Core<S, E>,
}

impl<S: Store, E: Env> Queue<S, E> {
    /// The queue `name` in `store`. Names are 1 to 32 characters of `a-z 0-9 _`.
    ///
    /// # Errors
    /// [`QueueError::Name`] if the name has other characters or another length.
    pub fn new(name: &str, store: S, env: E) -> Result<Self, QueueError> {
        Ok(Self {
            core: Core::new(name, store, env)?,
        })
    }

    /// The same queue with limits. Workers keep them; whoever enqueues and knows them wakes no worker that could take
    /// nothing.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.core.limits = limits;
        self
    }

    /// Another queue in the same store, without limits.
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

    /// What limits it.
    pub fn limits(&self) -> Limits {
        self.core.limits
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        self.core.name()
    }

    /// The store that the queue lives in.
    pub fn store(&self) -> &S {
        &self.core.store
    }

    /// The clock, random source and waker in use.
    pub fn env(&self) -> &E {
        &self.core.env
    }

    /// Enqueues a failed task anew, once: however often this is repeated, there is one new task. The old one is off the
    /// list then, and stays readable until its retention is over.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The new task may run all the same, and a repeated request finds it.
    pub async fn retry(&self, id: &TaskId, trace: Option<Trace>) -> Result<Retried, QueueError> {
        FailedList::of(&self.core).retry(id, trace).await
    }

    /// Retries all that failed before number `before`, those that failed last first, until `end_ms`. Returns the receipts of
    /// the tasks that it enqueued, as one. Two of these at once share the work.
    ///
    /// # Errors
    /// If the store fails before any was retried.
    pub async fn retry_failed(
        &self,
        before: Option<u64>,
        end_ms: u64,
        trace: Option<Trace>,
    ) -> Result<BulkResult<Receipt>, QueueError> {
        FailedList::of(&self.core)
            .retry_failed(before, end_ms, trace)
            .await
    }

    /// Failed tasks that were neither retried nor discarded, those that failed last first: at most `most`, and of those that
    /// failed before number `before`. A page may be short, and still not be the last one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn failed(&self, before: Option<u64>, most: usize) -> Result<FailedPage, QueueError> {
        FailedList::of(&self.core).failed(before, most).await
    }

    /// Takes a failed task off the list. It stays readable until its retention is over. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails; it may be off the list all the same.
    pub async fn discard(&self, id: &TaskId) -> Result<Discarded, QueueError> {
        FailedList::of(&self.core).discard(id).await
    }

    /// The same with all that failed before number `before`, those that failed last first, until `end_ms`. Says how many.
    ///
    /// # Errors
    /// If the store fails; some may be off the list all the same.
    pub async fn discard_failed(
        &self,
        before: Option<u64>,
        end_ms: u64,
    ) -> Result<BulkResult<u64>, QueueError> {
        FailedList::of(&self.core)
            .discard_failed(before, end_ms)
            .await
    }

    /// Enqueues a task unless a request with this key did: then it finds the task of that one, as long as the key's
    /// time to live is not over. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The task may run all the same, and a repeated request finds it.
    pub async fn enqueue_once(
        &self,
        task: TaskSpec,
        key: &IdempotencyKey,
    ) -> Result<Once, QueueError> {
        Idempotency::of(&self.core).enqueue_once(task, key).await
    }

    /// Wakes a worker for what was just enqueued unless enough are registered. Enqueueing wrote first and looks now;
    /// a worker that leaves does so first and looks then: one of the two sees the other. Says whether nobody was there.
    ///
    /// # Errors
    /// If the store fails; then the next request wakes a worker.
    pub async fn wake_for(&self, receipt: &Receipt, workers_max: u64) -> Result<bool, QueueError> {
        Wakes::of(&self.core).wake_for(receipt, workers_max).await
    }

    /// Wakes a worker if nothing pushes the queue along: no keeper's pass in this window, or, if somebody asked for a
    /// task that is not final (`waits`), slots that wait while no worker is registered. Called after any request was
    /// answered, so that nothing depends on a resident process. Says whether nobody was there.
    ///
    /// # Errors
    /// If the store fails; then the next request tries again.
    pub async fn push_along(&self, waits: bool) -> Result<bool, QueueError> {
        Wakes::of(&self.core).push_along(waits).await
    }

    /// From now on no worker takes users' tasks from the queue; what runs goes on, and tasks are taken in. What follows from an
    /// end goes on, too. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails; the queue may be paused all the same.
    pub async fn pause(&self) -> Result<(), QueueError> {
        Admin::of(&self.core).pause().await
    }

    /// Workers take tasks again, and one is woken for those that wait. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails; the queue may be resumed all the same.
    pub async fn resume(&self) -> Result<(), QueueError> {
        Admin::of(&self.core).resume().await
    }

    /// Cancels users' deliveries that wait, paused or not: the oldest, of each priority no more than `left` says, and no more
    /// than 200 in all. Takes what it does off `left`, and says how many that were: none if nothing waits. Tasks that wait for
    /// a time, or that run, are not touched.
    ///
    /// # Errors
    /// If the store fails. Some may be cancelled; the others run, later.
    pub async fn purge(&self, left: &mut Waiting) -> Result<u64, QueueError> {
        Admin::of(&self.core).purge(left).await
    }

    /// Cancels a task. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails; the request may have been noted.
    pub async fn cancel(&self, id: &TaskId) -> Result<Cancelled, QueueError> {
        Canceller::of(&self.core).cancel(id).await
    }

    /// How the queue stands, in 3 reads; 4 more once any task had a priority, 2 once it had a webhook or a workflow, and one
    /// once it was paused.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        Admin::of(&self.core).depth().await
    }

    /// Enqueues tasks: all of one lane in one increment and one write, whatever their number. Returning is the
    /// acknowledgement; wake a worker with [`Queue::wake_for`] after it was passed on.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The tasks may run all the same, or some of them.
    pub async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Result<Receipt, QueueError> {
        Enqueuer::of(&self.core).enqueue(tasks).await
    }

    /// How the queue stands and did. Reads no more than about 300 records, or 600 once any task had a priority, however much waits.
    ///
    /// # Errors
    /// If the store fails, or the keeper's record can't be read.
    pub async fn statistics(&self) -> Result<Statistics, QueueError> {
        StatisticsReader::of(&self.core).statistics().await
    }

    /// Waits until a task is final, at most `wait_ms`. Two reads for each look while it is not.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn wait(&self, id: &TaskId, wait_ms: u64) -> Result<TaskStatus, QueueError> {
        Waits::of(&self.core).wait(id, wait_ms).await
    }

    /// Watches a task from a position on; `None` if there is none with this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn watch(&self, id: &TaskId, seen: Seen) -> Result<Option<Watch>, QueueError> {
        Watches::of(&self.core).watch(id, seen).await
    }

    /// Whether a task is final, in at most 4 reads.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn status(&self, id: &TaskId) -> Result<TaskStatus, QueueError> {
        Views::of(&self.core).status(id).await
    }

    /// Everything about a task; `None` if there is none with this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn view(&self, id: &TaskId) -> Result<Option<TaskView>, QueueError> {
        Views::of(&self.core).view(id).await
    }

    /// Makes that a schedule of this name is this one. Putting what is there changes nothing.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The schedule may count all the same.
    pub async fn put_schedule(&self, schedule: Schedule) -> Result<Put, QueueError> {
        Scheduler::of(&self.core).put_schedule(schedule).await
    }

    /// Deletes a schedule; false if there is none of this name. What it enqueued stays.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The schedule may be gone all the same.
    pub async fn delete_schedule(&self, name: &str) -> Result<bool, QueueError> {
        Scheduler::of(&self.core).delete_schedule(name).await
    }

    /// How the schedule of this name stands.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn schedule(&self, name: &str) -> Result<Option<ScheduleView>, QueueError> {
        Scheduler::of(&self.core).schedule(name).await
    }

    /// How all schedules stand, in the order of their names.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn schedules(&self) -> Result<Schedules, QueueError> {
        Scheduler::of(&self.core).schedules().await
    }

    /// Everything about a workflow; `None` if there is none with this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn workflow(&self, id: &TaskId) -> Result<Option<WorkflowView>, QueueError> {
        Workflows::of(&self.core).workflow(id).await
    }

    /// `limit` tasks of a workflow from number `from` on, in the order in which they are given, and whether there are more.
    /// Fewer if they are large. `None` if there is no workflow with this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn members(
        &self,
        id: &TaskId,
        from: usize,
        limit: usize,
    ) -> Result<Option<(Vec<MemberView>, bool)>, QueueError> {
        Workflows::of(&self.core).members(id, from, limit).await
    }
}

impl Watch {
    /// What is new, at once or within `wait_ms`; nothing, if nothing is by then.
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
    /// A worker of `queue` that is not yet registered.
    pub fn new(queue: Queue<S, E>, runner: R, limits: WorkerLimits) -> Self {
        Self::of_core(queue.core, runner, limits)
    }
}
