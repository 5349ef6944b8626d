//! What clients know: acknowledged tasks, and requests with an idempotency key.

use handoff_queue::{Run, TaskId};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An acknowledged task.
#[derive(Debug)]
pub(crate) struct Asked {
    pub id: TaskId,
    pub name: String,
    pub args: Value,
    pub attempts: u32,
    pub timeout_ms: u64,
    /// When it was acknowledged.
    pub asked_ms: u64,
    pub not_before_ms: Option<u64>,
    pub expires_ms: Option<u64>,
    pub retention_ms: u64,
    /// When a client first requested its cancellation.
    pub cancel_ms: Cell<Option<u64>>,
    /// A cancel request was answered with 200.
    pub cancelled: Cell<bool>,
    /// Its final record when a client first saw it.
    pub seen: RefCell<Option<Run>>,
    /// Its retention is over and it is gone.
    pub gone: Cell<bool>,
    /// The number of requests that got it.
    pub answers: Cell<u64>,
    /// Until when requests with its idempotency key find it. 0 without a key.
    pub key_until_ms: u64,
    /// It was in the failed list.
    pub listed: Cell<bool>,
    /// The number of requests to retry or discard it, and whether one was confirmed.
    pub off_asked: Cell<u64>,
    pub off: Cell<bool>,
    /// The number of steps, if it is a workflow.
    pub steps: u64,
    /// The name of its follow-up's runs.
    pub follow: Option<String>,
    /// Its retries, as requests got them.
    pub again: RefCell<Vec<TaskId>>,
}

/// A request with an idempotency key. Each asks for a task of its own, so that it shows whose task
/// ran.
#[derive(Debug)]
pub(crate) struct KeyedRequest {
    pub key: String,
    pub ttl_ms: u64,
    /// Requests with one key and different bodies are different requests.
    pub body: u64,
    pub task: String,
    pub asked_ms: u64,
    /// Its answer, and the time of that.
    pub answer: RefCell<Option<(Answer, u64)>>,
}

/// The answer to a request with a key.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// This task, of the request with this body.
    Task(Rc<Asked>, u64),
    Differs,
}
