//! Running one attempt of a task in a test: natively, without a server, on a clock that only the
//! task moves.

use crate::{
    Answer, Call, CallError, Context, Host, Outcome, Registry, Reply, Task, WebhookSecrets,
};
use futures::future::{FutureExt, LocalBoxFuture, pending, ready};
use futures::stream::{self, StreamExt};
use handoff_queue::{Attempt as Given, Control, Json, Report, TaskId, TaskView, Trace};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// When an attempt begins unless the test says otherwise, in milliseconds since 1970:
/// 2027-01-01T00:00:00Z.
pub const START_MS: u64 = 1_798_761_600_000;

/// An attempt's timeout unless the test says otherwise, in milliseconds.
const TIMEOUT_MS: u64 = 60_000;
/// The largest result or checkpoint, in bytes of JSON: the default of `result_max_bytes`.
const RESULT_MAX_BYTES: u64 = 256 << 10;

type Answers = Box<dyn Fn(&Call) -> Result<Reply, CallError>>;

/// One attempt that a test prepares and then [runs](Attempt::run).
///
/// ```
/// # use handoff_kinds as handoff;
/// use handoff::{Context, Outcome, Task, test};
///
/// struct Nap;
///
/// #[derive(serde::Deserialize)]
/// struct Args {
///     ms: u64,
/// }
///
/// impl Task for Nap {
///     const NAME: &'static str = "nap";
///     type Args = Args;
///
///     async fn run(Args { ms }: Args, context: Context) -> Outcome {
///         context.log("good night");
///         match context.sleep(ms).await {
///             Ok(()) => Outcome::done(context.attempt()),
///             Err(handoff::Cancelled) => Outcome::Cancelled,
///         }
///     }
/// }
///
/// // An hour passes at once.
/// let nap = |ms| test::Attempt::of::<Nap>(serde_json::json!({"ms": ms}));
/// let ran = nap(3_600_000).timeout_ms(4_000_000).number(2).run();
/// assert_eq!(ran.outcome, Outcome::done(2));
/// assert_eq!((ran.took_ms, ran.log), (3_600_000, vec!["good night".to_owned()]));
///
/// let ran = nap(10_000).cancelled_after_ms(3_000).run();
/// assert_eq!((ran.outcome, ran.took_ms), (Outcome::Cancelled, 3_000));
/// ```
pub struct Attempt {
    registry: Registry,
    kind: String,
    args: Json,
    given: Given,
    start_ms: u64,
    timeout_ms: u64,
    budget_ms: Option<u64>,
    cancelled_after_ms: Option<u64>,
    answers: Answers,
    variables: BTreeMap<String, String>,
}

/// What came of an attempt.
#[derive(Debug, PartialEq)]
pub struct Ran {
    /// What the task returned. A task that overran its timeout returned nothing: then it is the
    /// failed attempt that a worker makes of it.
    pub outcome: Outcome,
    /// The last progress, if there was any.
    pub progress: Option<Json>,
    /// The message of that progress.
    pub message: Option<String>,
    /// The lines of the log.
    pub log: Vec<String>,
    /// The requests that the task sent.
    pub calls: Vec<Call>,
    /// The time that passed for the task, in milliseconds.
    pub took_ms: u64,
}

impl Ran {
    /// The result, if the task succeeded. Unlike the texts in [`Ran::outcome`], two of these are
    /// equal whatever the order of their fields.
    pub fn result(&self) -> Option<Value> {
        match &self.outcome {
            Outcome::Done(result) => result.read().ok(),
            _ => None,
        }
    }

    /// The checkpoint, if the task continues from one.
    pub fn checkpoint(&self) -> Option<Value> {
        match &self.outcome {
            Outcome::Continue { checkpoint, .. } => checkpoint.read().ok(),
            _ => None,
        }
    }
}

impl Attempt {
    /// The first attempt of a task with these arguments.
    pub fn of<T: Task>(args: impl Into<Value>) -> Self {
        Self::within(Registry::default().with::<T>(), T::NAME, args)
    }

    /// The same of a kind in a registry, such as that of a whole application.
    pub fn within(registry: Registry, kind: &str, args: impl Into<Value>) -> Self {
        let id = "test-1-000000000000000000000001".parse();
        let mut given = Given::first(id.expect("it is an id"), 0);
        given.attempts_max = 5;
        Self {
            registry,
            kind: kind.to_owned(),
            args: args.into().into(),
            given,
            start_ms: START_MS,
            timeout_ms: TIMEOUT_MS,
            budget_ms: None,
            cancelled_after_ms: None,
            answers: Box::new(|_| {
                Err(CallError::Unanswered("nobody answers in a test".to_owned()))
            }),
            variables: BTreeMap::new(),
        }
    }

    /// The number of the attempt, from 1.
    #[must_use]
    pub fn number(mut self, number: u32) -> Self {
        self.given.number = number;
        self
    }

    /// The error of the attempt before.
    #[must_use]
    pub fn last_error(mut self, error: &str) -> Self {
        self.given.last_error = Some(error.to_owned());
        self
    }

    /// The key that the task shares with others.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.given.key = Some(key.to_owned());
        self
    }

    /// The trace of the request that enqueued the task.
    #[must_use]
    pub fn trace(mut self, trace: Trace) -> Self {
        self.given.trace = Some(trace);
        self
    }

    /// The checkpoint with which the task continues, and how many parts are done.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: impl Into<Json>, part: u32) -> Self {
        (self.given.checkpoint, self.given.part) = (Some(checkpoint.into()), part);
        self
    }

    /// The time at which it begins, in milliseconds since 1970.
    #[must_use]
    pub fn start_ms(self, start_ms: u64) -> Self {
        Self { start_ms, ..self }
    }

    /// How long the attempt may take, in milliseconds.
    #[must_use]
    pub fn timeout_ms(self, timeout_ms: u64) -> Self {
        Self { timeout_ms, ..self }
    }

    /// After how many milliseconds [`Context::should_continue_elsewhere`] says so.
    #[must_use]
    pub fn budget_ms(self, budget_ms: u64) -> Self {
        let budget_ms = Some(budget_ms);
        Self { budget_ms, ..self }
    }

    /// After how many milliseconds somebody cancels the task.
    #[must_use]
    pub fn cancelled_after_ms(self, ms: u64) -> Self {
        let cancelled_after_ms = Some(ms);
        Self {
            cancelled_after_ms,
            ..self
        }
    }

    /// The value of an application's variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Answers the task's requests. Without it each request fails.
    #[must_use]
    pub fn answers(self, answers: impl Fn(&Call) -> Result<Reply, CallError> + 'static) -> Self {
        let answers = Box::new(answers);
        Self { answers, ..self }
    }

    /// Runs the attempt.
    ///
    /// # Panics
    /// If the task waits for anything but its [`Context`]: nothing else can wake it in a worker.
    pub fn run(mut self) -> Ran {
        let deadline_ms = self.start_ms + self.timeout_ms;
        let budget_ms = self.budget_ms.map(|ms| self.start_ms + ms);
        self.given.deadline_ms = deadline_ms;
        self.given.yield_at_ms = budget_ms.unwrap_or(deadline_ms);
        let control = Rc::new(Control::new(self.given));
        let host = Rc::new(TestHost {
            control: control.clone(),
            now_ms: Rc::new(Cell::new(self.start_ms)),
            deadline_ms,
            cancelled_at_ms: self.cancelled_after_ms.map(|ms| self.start_ms + ms),
            answers: self.answers,
            calls: RefCell::default(),
            variables: self.variables,
        });
        let context = Context::new(control.clone(), host.clone());
        let run = self.registry.run(&self.kind, self.args, context);
        let outcome = run.now_or_never();
        let took_ms = host.now_ms.get() - self.start_ms;
        let overran = host.now_ms.get() >= deadline_ms;
        assert!(
            outcome.is_some() || overran,
            "the task waits for something that is not of its context"
        );
        let outcome = outcome.unwrap_or_else(|| {
            let timeout_ms = self.timeout_ms;
            Outcome::retry(format!("overran its timeout of {timeout_ms} ms"))
        });
        let report = control.report().unwrap_or_default();
        let Report {
            progress,
            message,
            logs,
            ..
        } = report;
        Ran {
            outcome,
            progress,
            message,
            log: logs.into_iter().map(|line| line.message).collect(),
            calls: host.calls.take(),
            took_ms,
        }
    }
}

/// A host whose time passes by sleeping.
struct TestHost {
    control: Rc<Control>,
    now_ms: Rc<Cell<u64>>,
    deadline_ms: u64,
    cancelled_at_ms: Option<u64>,
    answers: Answers,
    calls: RefCell<Vec<Call>>,
    variables: BTreeMap<String, String>,
}

impl Host for TestHost {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        let now_ms = self.now_ms.get().saturating_add(ms);
        if now_ms >= self.deadline_ms {
            self.now_ms.set(self.deadline_ms);
            return pending().boxed_local();
        }
        self.now_ms.set(now_ms);
        if self.cancelled_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.control.cancel();
        }
        ready(()).boxed_local()
    }

    fn open(&self, call: Call) -> LocalBoxFuture<'static, Result<Answer, CallError>> {
        let reply = (self.answers)(&call);
        self.calls.borrow_mut().push(call);
        let answer = reply.map(|reply| Answer {
            status: reply.status,
            headers: reply.headers,
            body: stream::iter([Ok(reply.body)]).boxed_local(),
        });
        ready(answer).boxed_local()
    }

    fn reach(&self, _: String) -> LocalBoxFuture<'static, Result<(), String>> {
        ready(Ok(())).boxed_local()
    }

    fn task(&self, _: TaskId) -> LocalBoxFuture<'static, Result<Option<TaskView>, String>> {
        ready(Ok(None)).boxed_local()
    }

    fn webhook_secrets(&self) -> Result<WebhookSecrets, String> {
        Ok(WebhookSecrets::default())
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        let value = self.variables.get(name).cloned();
        value.ok_or_else(|| format!("the test gives no variable {name:?}"))
    }

    fn result_max_bytes(&self) -> u64 {
        RESULT_MAX_BYTES
    }
}
