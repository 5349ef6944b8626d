//! The queue protocol of Handoff: a durable task queue on a key-value store whose only atomic is `increment`.
//!
//! This crate never names a host. The store is the trait [`Store`]; time, randomness, sleeping and waking come from
//! the trait [`Env`]; so the same code runs inside a component and inside a test with virtual time.
//!
//! ARCHITECTURE.md tells the protocol as a whole. In short: a task gets a numbered *slot* by incrementing `tail`;
//! a worker gets *tickets* by incrementing `head`; the holder of ticket n owns *epoch* 0 of the task in slot n. Every
//! later delivery is an *announcement*, a slot that names (task, epoch), and whoever first increments that epoch's
//! claim counter owns it. Every key is a counter, or has one writer, or all its writers write the same bytes.

mod attempt;
mod before_final;
mod cancel;
mod claim;
mod config;
mod cursors;
mod enqueue;
mod env;
mod error;
mod failed;
mod guard;
mod histogram;
mod id;
mod idempotency;
mod json;
mod keeper;
mod keys;
mod killers;
mod lane;
mod lease;
mod limits;
mod line;
pub mod memory;
mod operate;
mod presence;
mod record;
mod report;
mod rescue;
mod retention;
mod retry;
mod running;
mod schedule;
mod slots;
mod statistics;
mod status;
mod store;
mod timer;
mod transition;
mod wait;
mod watch;
mod worker;
mod workflow;

pub use attempt::{Delivery, Finished, Outcome};
pub use cancel::Cancelled;
pub use claim::Ticket;
pub use config::*;
pub use enqueue::{NewTask, Receipt};
pub use env::{Env, Wake};
pub use error::QueueError;
pub use failed::{Discarded, FailedPage, Retried, Swept};
#[cfg(feature = "sabotage")]
pub use guard::{Guard, sabotage::leave_out};
pub use id::TaskId;
pub use idempotency::{IdempotencyKey, Once};
pub use json::Json;
pub use lane::{Priority, Waiting};
pub use limits::{KeyLimits, Limits, Rate};
pub use operate::Depth;
pub use record::{AttemptError, FollowUp, Place, Run, RunState, Task, Trace};
pub use report::{LogLine, Report};
pub use retry::RetryPolicy;
pub use schedule::{
    Cron, Missed, Occurrence, Overlap, Put, Rule, Schedule, ScheduleView, Schedules,
};
pub use statistics::{Counts, Percentiles, Statistics};
pub use status::{Brief, State, TaskView};
pub use store::{Store, StoreError};
pub use watch::{Event, Seen, Watch};
pub use worker::{Control, Runner, Worker, WorkerLimits};
pub use workflow::{
    CHAIN_MAX, GROUP_MAX, Member, MemberView, Membership, OnFailure, Step, WORKFLOW, Workflow,
    WorkflowView,
};

use keys::Keys;

/// Whether a queue may have this name: 1 to 32 characters of `a-z 0-9 _`.
///
/// # Errors
/// [`QueueError::Name`] if not.
pub fn check_name(name: &str) -> Result<(), QueueError> {
    Keys::new(name).map(drop)
}

/// One queue in one store. Cheap to make; holds no state of its own besides the two handles and what limits it.
pub struct Queue<S, E> {
    store: S,
    env: E,
    keys: Keys,
    limits: Limits,
}

impl<S: Store, E: Env> Queue<S, E> {
    /// The queue `name` in `store`. Names are 1 to 32 characters of `a-z 0-9 _`.
    ///
    /// # Errors
    /// [`QueueError::Name`] if the name has other characters or another length.
    pub fn new(name: &str, store: S, env: E) -> Result<Self, QueueError> {
        Ok(Self {
            keys: Keys::new(name)?,
            store,
            env,
            limits: Limits::default(),
        })
    }

    /// The same queue with limits. Workers keep them; whoever enqueues and knows them wakes no worker that could take
    /// nothing.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
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
        Self::new(name, self.store.clone(), self.env.clone())
    }

    /// What limits it.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        self.keys.queue()
    }

    /// The store that the queue lives in.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The clock, random source and waker in use.
    pub fn env(&self) -> &E {
        &self.env
    }

    pub(crate) async fn wake(&self, wake: Wake) {
        self.env.wake(self.name(), wake).await;
    }
}
