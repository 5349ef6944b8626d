//! A client of Handoff, a durable task queue for WebAssembly applications.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use handoff_client::{Client, EnqueueOptions};
//!
//! # fn main() -> Result<(), handoff_client::HandoffError> {
//! let client = Client::new("http://127.0.0.1:3000")?;
//! let mut task = client.enqueue("echo", [1, 2])?;
//! let result: Vec<u32> = task.result(Duration::from_secs(30))?.parse()?;
//!
//! let later = EnqueueOptions::new().delay("1h").key("customer-17");
//! client.enqueue_with("echo", [1, 2], later)?;
//! # Ok(())
//! # }
//! ```
//!
//! The calls, their names and their behaviour are those of the clients for TypeScript and Python. A
//! request is repeated so that a lost answer enqueues one task. Requests block, and each has a
//! connection of its own, so threads may share a client.
//!
//! Objects such as [`TaskObject`] have the fields of the API. A [`Shown`] object also keeps the JSON
//! that it came from, with fields and states that this client does not know.

mod client;
mod error;
mod events;
mod fields;
mod filter;
mod handles;
mod http;
mod json;
mod objects;
mod queue;
mod random;
mod sse;
mod times;
mod transport;
mod url;
mod words;

pub use client::{BatchEntry, Builder, Client};
pub use error::{Ended, ErrorKind, HandoffError};
pub use events::{Events, TaskEvent};
pub use fields::{BatchItem, Each, EnqueueOptions, Retry, ScheduleFields, Step, WorkflowOptions};
pub use filter::{BatchOptions, Filter, Members};
pub use handles::{Schedule, Task, Workflow};
pub use json::{Json, Shown};
pub use objects::{
    AttemptError, Counts, LastRun, LogLine, Member, Membership, Occurrence, Percentiles, Progress,
    ProgressData, QueueObject, ScheduleObject, Searched, StateData, StatusObject, TaskObject,
    WaitingByPriority, WorkflowObject,
};
pub use queue::{Bulk, BulkCalls, MembersOf, Queue, Tasks, TasksPage, Workflows};
pub use times::{Expiry, Span, Time};
pub use words::{Priority, State};
