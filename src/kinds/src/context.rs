//! The means of a running task.

use crate::span::run_span_id;
use futures::future::LocalBoxFuture;
use futures::future::{Either, select};
use handoff_queue::{Control, Json, Outcome, TaskId, TaskView, Trace};
use handoff_wire::{
    Answer, Call, CallError, REPLY_MAX_BYTES, Reply, TraceParent, WebhookSecrets, check_url,
    in_time,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::pin::pin;
use std::rc::Rc;

/// A task's means besides its arguments. A worker gives it those of the host, a test gives it
/// others.
pub trait Host {
    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// Returns after this many milliseconds, and lets other tasks run meanwhile. With 0 it lets
    /// them run once.
    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()>;
    /// Sends an HTTP request and waits for the begin of its answer, without the call's timeout.
    fn open(&self, call: Call) -> LocalBoxFuture<'static, Result<Answer, CallError>>;
    /// Tries in another instance whether the handler of a kind can be called. A host may end an
    /// instance that calls what is not there. The error is a text.
    fn reach(&self, kind: String) -> LocalBoxFuture<'static, Result<(), String>>;
    /// Reads a task, if one has this id. The error is a text.
    fn task(&self, id: TaskId) -> LocalBoxFuture<'static, Result<Option<TaskView>, String>>;
    /// Reads a variable of the application. The error is a text.
    fn variable(&self, name: &str) -> Result<String, String>;
    /// Returns the secrets that sign webhooks. The error is a text.
    fn webhook_secrets(&self) -> Result<WebhookSecrets, String>;
    /// The largest result or checkpoint, in bytes of JSON.
    fn result_max_bytes(&self) -> u64;
}

/// A cancel request for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// A waiting task looks for a cancel request this often, in milliseconds.
const STEP_MS: u64 = 250;

/// The reason why a task's request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// A cancel request came meanwhile. Whether the receiver got the task's request is unknown.
    Cancelled,
    /// The request was refused, or not answered.
    Call(CallError),
}

impl From<SendError> for Outcome {
    /// A request without an answer is retried. A refused one would be refused again.
    fn from(e: SendError) -> Self {
        match e {
            SendError::Cancelled => Self::Cancelled,
            SendError::Call(CallError::Refused(reason)) => Self::Fail(reason),
            SendError::Call(CallError::Unanswered(reason)) => Self::retry(reason),
        }
    }
}

/// The means of a running task. Each attempt has its own.
#[derive(Clone)]
pub struct Context {
    control: Rc<Control>,
    host: Rc<dyn Host>,
}

impl Context {
    /// Makes the context of one attempt.
    pub fn new(control: Rc<Control>, host: Rc<dyn Host>) -> Self {
        Self { control, host }
    }

    /// The task's id.
    pub fn id(&self) -> &TaskId {
        &self.control.attempt().id
    }

    /// The key that the task shares with others.
    pub fn key(&self) -> Option<&str> {
        self.control.attempt().key.as_deref()
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.control.attempt().number
    }

    /// The number of attempts that the retry policy allows.
    pub fn attempts_max(&self) -> u32 {
        self.control.attempt().attempts_max
    }

    /// The error of the last attempt that failed.
    pub fn last_error(&self) -> Option<&str> {
        self.control.attempt().last_error.as_deref()
    }

    /// How many parts are done: how often the task returned [`Outcome::Continue`].
    pub fn part(&self) -> u32 {
        self.control.attempt().part
    }

    /// A number that only grows for a task. What the task writes to can refuse a smaller one: it
    /// comes from a run that is lost, but still going on.
    pub fn fence(&self) -> u64 {
        self.control.attempt().fence
    }

    /// Reads a variable that spin.toml gives to the component.
    ///
    /// # Errors
    /// If it is not given to the component, or the host can't read it.
    pub fn variable(&self, name: &str) -> Result<String, String> {
        self.host.variable(name)
    }

    /// The time, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.host.now_ms()
    }

    /// Milliseconds left until the attempt's timeout.
    pub fn left_ms(&self) -> u64 {
        self.control
            .attempt()
            .deadline_ms
            .saturating_sub(self.host.now_ms())
    }

    /// The checkpoint of the last run that returned [`handoff_queue::Outcome::Continue`], if it can
    /// be read as `T`.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Option<T> {
        self.control.attempt().checkpoint.as_ref()?.read().ok()
    }

    /// Reports the task's progress, as a number from 0 to 1 or as any JSON. It is visible from the
    /// next heartbeat on, at most a second later.
    pub fn progress(&self, progress: impl Serialize) {
        self.say(progress, None);
    }

    /// Reports the task's progress with a message, of which 500 bytes are kept.
    pub fn progress_with(&self, progress: impl Serialize, message: impl AsRef<str>) {
        self.say(progress, Some(message.as_ref()));
    }

    fn say(&self, progress: impl Serialize, message: Option<&str>) {
        if let Ok(progress) = Json::of(&progress) {
            self.control.set_progress(progress, message);
        }
    }

    /// Adds a line to the task's log, which is visible as its progress is. Of each line 500 bytes
    /// are kept, and of all attempts the last 100 lines.
    pub fn log(&self, line: impl AsRef<str>) {
        self.control.log(self.host.now_ms(), line.as_ref());
    }

    /// Lets other tasks run, and returns an error after a cancel request. A task that computes
    /// calls this every few milliseconds, since heartbeats are written here.
    ///
    /// # Errors
    /// [`Cancelled`], which the task should answer with [`handoff_queue::Outcome::Cancelled`].
    pub async fn pause(&self) -> Result<(), Cancelled> {
        self.sleep(0).await
    }

    /// Waits, and returns early with an error after a cancel request.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub async fn sleep(&self, ms: u64) -> Result<(), Cancelled> {
        let end_ms = self.host.now_ms().saturating_add(ms);
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

    /// Whether a task that can continue elsewhere should return its checkpoint now. Its timeout or
    /// the instance's budget is nearly over then.
    pub fn should_continue_elsewhere(&self) -> bool {
        self.host.now_ms() >= self.control.attempt().yield_at_ms
    }

    /// The trace of the request that enqueued the task, with this run as the parent. A request of
    /// the task sends it as `traceparent`, and `tracestate` if it has one.
    pub fn trace(&self) -> Option<Trace> {
        let Trace { parent, state } = self.control.attempt().trace.clone()?;
        let parent: TraceParent = parent.parse().ok()?;
        let attempt = self.control.attempt();
        let span = run_span_id(&attempt.id, attempt.fence);
        let parent = parent.with_parent(span).to_string();
        Some(Trace { parent, state })
    }

    /// The task whose end this one follows.
    pub(crate) fn end_of(&self) -> Option<&TaskId> {
        self.control.attempt().end_of.as_ref()
    }

    /// Reads that task, whose end may not be visible yet. Returns `None` if it does not exist, or
    /// not any more.
    pub(crate) async fn ended_task(&self) -> Result<Option<TaskView>, String> {
        match self.end_of() {
            Some(id) => self.host.task(id.clone()).await,
            None => Ok(None),
        }
    }

    pub(crate) fn webhook_secrets(&self) -> Result<WebhookSecrets, String> {
        self.host.webhook_secrets()
    }

    /// Sends an HTTP request. After a cancel request it does not wait for the answer.
    ///
    /// # Errors
    /// [`SendError`], which is an [`Outcome`] as well. A URL that can't be sent, or is the worker's
    /// own, is refused.
    pub async fn send(&self, call: Call) -> Result<Reply, SendError> {
        check_url(&call.url).map_err(|reason| {
            let reason = format!("{} can't be called: {reason}", call.url);
            SendError::Call(CallError::Refused(reason))
        })?;
        let (timeout_ms, needs_body) = (call.timeout_ms, !call.head_only);
        let whole = async {
            let answer = self.open(call).await?;
            answer.whole(needs_body, REPLY_MAX_BYTES).await
        };
        // Asked only when it is waited for.
        let sleep = async { self.host.sleep_ms(timeout_ms).await };
        self.unless_cancelled(in_time(whole, sleep, timeout_ms))
            .await
    }

    /// Sends an HTTP request and waits for the begin of its answer.
    pub(crate) fn open(&self, call: Call) -> LocalBoxFuture<'static, Result<Answer, CallError>> {
        self.host.open(call)
    }

    /// Waits for what a call gives, until a cancel request comes.
    pub(crate) async fn unless_cancelled<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, SendError> {
        let cancelled = pin!(async { while self.sleep(STEP_MS).await.is_ok() {} });
        match select(pin!(call), cancelled).await {
            Either::Left((given, _)) => given.map_err(SendError::Call),
            Either::Right(_) => Err(SendError::Cancelled),
        }
    }

    /// Returns after this many milliseconds.
    pub(crate) async fn time(&self, ms: u64) {
        self.host.sleep_ms(ms).await;
    }

    /// Whether the handler of a kind can be called at all.
    pub(crate) async fn reach(&self, kind: &str) -> Result<(), String> {
        self.host.reach(kind.to_owned()).await
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    pub(crate) fn result_max_bytes(&self) -> usize {
        usize::try_from(self.host.result_max_bytes()).unwrap_or(usize::MAX / 2)
    }
}
