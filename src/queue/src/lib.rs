//! The queue protocol of Handoff: a durable task queue on a key-value store whose only atomic call
//! is `increment`.
//!
//! This crate names no host. The store is the trait [`Store`]. Time, randomness, sleep and wake-ups
//! come from the trait [`Env`]. So the same code runs inside a component and inside a test with
//! virtual time.
//!
//! `docs/protocol` describes the whole protocol. In short:
//!
//! - An enqueuer increments `tail` to get a numbered *slot* for a task.
//! - A worker increments `head` to get *tickets*. The holder of ticket n owns *epoch* 0 of the task
//!   in slot n.
//! - Every later delivery is an *announcement*: a slot that names (task, epoch). The first claimer
//!   to increment that epoch's claim counter owns the epoch.
//!
//! Every key is a counter, or has one writer, or all its writers write the same bytes.

mod base;
mod claims;
mod completion;
mod failed;
mod idempotency;
mod keeper;
mod limits;
mod metrics;
mod model;
mod presence;
mod progress;
mod queue;
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
pub use base::fields::object_fields;
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
pub use metrics::counts::{OTHER, TaskCounts};
pub use metrics::durations::{BOUNDS_MS, Durations};
pub use metrics::totals::Period;
pub use model::delivery::{Delivery, Finished, Outcome, Ticket, Wait};
pub use model::ended::Counts;
pub use model::receipt::Receipt;
pub use model::report::{LogLine, Report};
pub use model::run::{AttemptError, Place, Run, RunState};
pub use model::state::State;
pub use model::task::{
    Failure, Fits, FollowUp, Membership, Occurrence, Task, TaskSpec, Trace, WORKFLOW, every,
};
pub use progress::record::Noticed;
pub use queue::Queue;
pub use requests::cancel::Cancelled;
pub use requests::depth::Depth;
pub use requests::list::{TaskPage, WorkflowPage};
pub use requests::statistics::{Metrics, Percentiles, Statistics};
pub use requests::watch::{Event, Seen, Watch};
pub use runs::view::{TaskStatus, TaskView};
pub use schedule::spec::{Missed, Overlap, Put, Rule, Schedule, ScheduleView, Schedules};
pub use slots::head::Waiting;
pub use store::contract::{Append, Appended, Store, StoreError};
pub use store::error::QueueError;
pub use store::keys::check_name;
pub use store::memory;
pub use worker::control::{Attempt, Control};
pub use worker::state::{Runner, Worker};
pub use workflow::spec::{Member, OnFailure, Step, Workflow};
pub use workflow::view::{MemberView, WorkflowView};
