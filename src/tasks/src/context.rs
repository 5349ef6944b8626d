//! What a running task can ask for.

use futures::future::LocalBoxFuture;
use futures::future::{Either, select};
use handoff_input::{Call, CallError, Reply, TraceParent, WebhookSecrets};
use handoff_queue::{Control, Json, Outcome, TaskId, TaskView, Trace};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::pin::pin;
use std::rc::Rc;

/// A task's means besides its arguments. The worker gives it the host's; a test gives it its own.
pub trait Host {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// 64 random bits.
    fn random(&self) -> u64;
    /// Returns after this many milliseconds and lets others run meanwhile; with 0 it lets them run once.
    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()>;
    /// Sends an HTTP request and waits for all of the answer.
    fn send(&self, call: Call) -> LocalBoxFuture<'static, Result<Reply, CallError>>;
    /// Looks at a task, if there is one of this id. Errors come in words.
    fn task(&self, id: TaskId) -> LocalBoxFuture<'static, Result<Option<TaskView>, String>>;
    /// What webhooks are signed with. Errors come in words.
    fn webhook_secrets(&self) -> Result<WebhookSecrets, String>;
}

/// Somebody asked to cancel the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// How often a task that waits looks whether it was cancelled, in milliseconds.
const STEP_MS: u64 = 250;

/// Why a request that a task sent got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// Somebody asked to cancel the task meanwhile. Whether the request arrived is not known.
    Cancelled,
    /// It was refused, or not answered.
    Call(CallError),
}

impl From<SendError> for Outcome {
    /// What nobody answered is tried again; what was refused would be again.
    fn from(e: SendError) -> Self {
        match e {
            SendError::Cancelled => Self::Cancelled,
            SendError::Call(CallError::Refused(reason)) => Self::Fail(reason),
            SendError::Call(CallError::Unanswered(reason)) => Self::retry(reason),
        }
    }
}

/// What a running task can ask for. One per attempt.
#[derive(Clone)]
pub struct Context {
    control: Rc<Control>,
    host: Rc<dyn Host>,
}

impl Context {
    /// A context for one attempt.
    pub fn new(control: Rc<Control>, host: Rc<dyn Host>) -> Self {
        Self { control, host }
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.control.attempt()
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.host.now_ms()
    }

    /// Milliseconds left until the attempt's timeout.
    pub fn left_ms(&self) -> u64 {
        self.control
            .deadline_ms()
            .saturating_sub(self.host.now_ms())
    }

    /// What the last run stored with [`handoff_queue::Outcome::Continue`], if it can be read as `T`.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Option<T> {
        self.control.checkpoint()?.read().ok()
    }

    /// Says how far the task is, as a number from 0 to 1 or as any JSON: shown with it from the next heartbeat on, at most
    /// a second later.
    pub fn progress(&self, progress: impl Serialize) {
        self.say(progress, None);
    }

    /// The same, with a message in words, of which 500 bytes are kept.
    pub fn progress_with(&self, progress: impl Serialize, message: impl AsRef<str>) {
        self.say(progress, Some(message.as_ref()));
    }

    fn say(&self, progress: impl Serialize, message: Option<&str>) {
        if let Ok(progress) = Json::of(&progress) {
            self.control.set_progress(progress, message);
        }
    }

    /// Adds a line to the task's log, which is shown with it as its progress is. Of each line 500 bytes are kept, and of
    /// all attempts the last 100 lines.
    pub fn log(&self, line: impl AsRef<str>) {
        self.control.log(self.host.now_ms(), line.as_ref());
    }

    /// Lets others run, and returns an error if somebody asked to cancel the task. A task that computes calls this
    /// every few milliseconds: heartbeats are written here.
    ///
    /// # Errors
    /// [`Cancelled`], which the task should answer with [`handoff_queue::Outcome::Cancelled`].
    pub async fn pause(&self) -> Result<(), Cancelled> {
        self.sleep(0).await
    }

    /// Waits, and returns early with an error if somebody asks to cancel the task.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub async fn sleep(&self, ms: u64) -> Result<(), Cancelled> {
        let end_ms = self.host.now_ms() + ms;
        loop {
            if self.control.is_cancelled() {
                return Err(Cancelled);
            }
            let left_ms = end_ms.saturating_sub(self.host.now_ms());
            self.host.sleep_ms(left_ms.min(STEP_MS)).await;
            if left_ms <= STEP_MS && self.host.now_ms() >= end_ms {
                return Ok(());
            }
        }
    }

    /// Whether a task that can go on elsewhere should store its checkpoint now, since its timeout or the instance's
    /// time is nearly over.
    pub fn should_continue_elsewhere(&self) -> bool {
        self.host.now_ms() >= self.control.yield_at_ms()
    }

    /// The trace of the request that enqueued the task, with this call of this method as the parent: what a request that the
    /// task sends says as `traceparent`, and `tracestate` if there is one.
    pub fn trace(&self) -> Option<Trace> {
        let Trace { parent, state } = self.control.trace()?.clone();
        let parent: TraceParent = parent.parse().ok()?;
        let parent = parent.with_parent(self.host.random()).to_string();
        Some(Trace { parent, state })
    }

    /// The task whose end this one follows.
    pub(crate) fn end_of(&self) -> Option<&TaskId> {
        self.control.end_of()
    }

    /// How that task stands: its end may be seen only in a moment. `None` if there is none, or none any more.
    pub(crate) async fn ended_task(&self) -> Result<Option<TaskView>, String> {
        match self.control.end_of() {
            Some(id) => self.host.task(id.clone()).await,
            None => Ok(None),
        }
    }

    pub(crate) fn webhook_secrets(&self) -> Result<WebhookSecrets, String> {
        self.host.webhook_secrets()
    }

    /// Sends an HTTP request. If somebody asks to cancel the task meanwhile, its answer is not waited for.
    ///
    /// # Errors
    /// [`SendError`], which is an [`Outcome`] as well.
    pub async fn send(&self, call: Call) -> Result<Reply, SendError> {
        let cancelled = pin!(async { while self.sleep(STEP_MS).await.is_ok() {} });
        match select(self.host.send(call), cancelled).await {
            Either::Left((reply, _)) => reply.map_err(SendError::Call),
            Either::Right(_) => Err(SendError::Cancelled),
        }
    }
}
