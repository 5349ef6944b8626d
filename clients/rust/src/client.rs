//! A deployment of Handoff.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::http::Method;

use crate::error::HandoffError;
use crate::fields::{BatchItem, EnqueueOptions, Fields, Step, WorkflowOptions};
use crate::filter::{BatchOptions, Members};
use crate::handles::{Schedule, Task, Workflow};
use crate::http::{Call, Http, Options};
use crate::json::{Json, Shown};
use crate::objects::{QueueObject, ScheduleObject, StatusObject, TaskObject};
use crate::queue::Queue;
use crate::url::path;

const ATTEMPTS: u32 = 5;
const WITHIN: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);

/// How a client calls. [`Client::builder`] makes one.
pub struct Builder {
    url: String,
    options: Options,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the token nor the URL, which may have a password that is refused later.
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    /// One of the deployment's `api_tokens`.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.options.token = Some(token.into());
        self
    }

    /// Certificates in PEM that https trusts, in place of those that Mozilla does.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.options.roots = Some(pem.into());
        self
    }

    /// How often a request is sent at most: 5 times without this. With 1 nothing is repeated.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.options.attempts = attempts;
        self
    }

    /// No repetition begins after this time: a minute without this.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.options.within = within;
        self
    }

    /// The server may be silent for so long, besides a wait that was asked for: 30 s without this.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Makes the pauses in place of `std::thread::sleep`, for tests.
    #[must_use]
    pub fn sleep(mut self, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.options.sleep = Box::new(sleep);
        self
    }

    /// The client.
    ///
    /// # Errors
    /// The URL is not `http` or `https` with a host, or has a user name, a query or a fragment. Or
    /// the token has a character that no token can have; the message shows neither. Or a root
    /// certificate can't be read.
    pub fn build(self) -> Result<Client, HandoffError> {
        let http = Http::new(&self.url, self.options)?;
        Ok(Client {
            http: Arc::new(http),
        })
    }
}

/// A deployment of Handoff. A clone is the same client.
#[derive(Debug, Clone)]
pub struct Client {
    http: Arc<Http>,
}

#[derive(Deserialize)]
struct Entries {
    tasks: Vec<Json>,
}

#[derive(Deserialize)]
struct Queues {
    queues: Vec<Shown<QueueObject>>,
}

#[derive(Deserialize)]
struct Schedules {
    schedules: Vec<Shown<ScheduleObject>>,
}

/// The task of an item of a batch, or why there is none.
pub type BatchEntry = Result<Task, HandoffError>;

impl Client {
    /// A client without a token. `url` may have a path, such as `http://127.0.0.1:3000/handoff`.
    ///
    /// # Errors
    /// As of [`Builder::build`].
    pub fn new(url: &str) -> Result<Self, HandoffError> {
        Self::builder(url).build()
    }

    /// A client with options.
    #[must_use]
    pub fn builder(url: &str) -> Builder {
        Builder {
            url: url.to_owned(),
            options: Options {
                token: None,
                roots: None,
                attempts: ATTEMPTS,
                within: WITHIN,
                timeout: TIMEOUT,
                sleep: Box::new(std::thread::sleep),
            },
        }
    }

    /// Enqueues a task. Once this returns, the task is in the store. `()` are no arguments.
    ///
    /// # Errors
    /// Handoff refused the task, or there was no answer.
    pub fn enqueue(&self, task: &str, args: impl Serialize) -> Result<Task, HandoffError> {
        self.enqueue_with(task, args, EnqueueOptions::new())
    }

    /// The same, with options.
    ///
    /// # Errors
    /// The same.
    pub fn enqueue_with(
        &self,
        task: &str,
        args: impl Serialize,
        options: EnqueueOptions,
    ) -> Result<Task, HandoffError> {
        let mut fields = options.fields;
        fields.put("task", Json::of(task)?);
        let args = Json::of(&args)?;
        if args.text() != "null" {
            fields.put("args", args);
        }
        let call = post("/v1/tasks", &self.keyed(fields))?;
        let shown: Shown<TaskObject> = self.http.see(&call)?;
        Ok(Task::new(&self.http, shown.id.clone(), Some(shown)))
    }

    /// Enqueues up to 1,000 tasks in one request. Valid ones are enqueued; in the place of each
    /// other one is its error.
    ///
    /// # Errors
    /// No item is valid: the first one's error. Or there was no answer.
    pub fn batch(
        &self,
        items: Vec<BatchItem>,
        options: &BatchOptions,
    ) -> Result<Vec<BatchEntry>, HandoffError> {
        let items = items.into_iter().map(|item| match options.once {
            true => self.keyed(item.fields),
            false => item.fields,
        });
        let items: Vec<_> = items.collect();
        // Items without a key would be enqueued twice.
        let repeat = items.iter().all(|item| item.has("idempotency_key"));
        let mut fields = Fields::default();
        fields.put("tasks", Json::of(&items)?);
        if let Some(queue) = &options.queue {
            fields.put("queue", Json::of(queue)?);
        }
        fields.traceparent.clone_from(&options.traceparent);
        let mut call = post("/v1/tasks:batch", &fields)?;
        call.repeat = repeat;
        call.answer = "tasks";
        let entries: Entries = self.http.object(&call)?;
        entries
            .tasks
            .iter()
            .map(|entry| self.entry(entry))
            .collect()
    }

    /// The task of an id. No request is made.
    #[must_use]
    pub fn task(&self, id: &str) -> Task {
        Task::new(&self.http, id.to_owned(), None)
    }

    /// Enqueues tasks that run one after the other, each with the result of the one before.
    ///
    /// # Errors
    /// As of [`Client::enqueue`].
    pub fn chain(
        &self,
        tasks: &[Step],
        options: WorkflowOptions,
    ) -> Result<Workflow, HandoffError> {
        self.enqueue_workflow(options.field("chain", Json::of(tasks)?))
    }

    /// Enqueues tasks that run at once.
    ///
    /// # Errors
    /// As of [`Client::enqueue`].
    pub fn group(
        &self,
        tasks: impl Into<Members>,
        options: WorkflowOptions,
    ) -> Result<Workflow, HandoffError> {
        self.enqueue_workflow(options.field("group", Json::of(&tasks.into())?))
    }

    /// Enqueues tasks that run at once, and one more that gets all their results.
    ///
    /// # Errors
    /// As of [`Client::enqueue`].
    pub fn chord(
        &self,
        tasks: impl Into<Members>,
        then: &Step,
        options: WorkflowOptions,
    ) -> Result<Workflow, HandoffError> {
        let options = options.field("then", Json::of(then)?);
        self.group(tasks, options)
    }

    /// Enqueues a workflow whose options also have its tasks, as [`WorkflowOptions::from_json`]
    /// reads them.
    ///
    /// # Errors
    /// As of [`Client::enqueue`].
    pub fn enqueue_workflow(&self, options: WorkflowOptions) -> Result<Workflow, HandoffError> {
        let fields = self.keyed(options.fields);
        let shown = self.http.see(&post("/v1/workflows", &fields)?)?;
        Ok(Workflow::of(&self.http, shown))
    }

    /// The workflow of an id. No request is made.
    #[must_use]
    pub fn workflow(&self, id: &str) -> Workflow {
        Workflow::new(&self.http, id.to_owned(), None)
    }

    /// The schedule of a name. No request is made.
    #[must_use]
    pub fn schedule(&self, name: &str) -> Schedule {
        Schedule::new(&self.http, name)
    }

    /// All schedules, in the order of their names. An unreadable one has only `name` and `error`.
    ///
    /// # Errors
    /// Handoff refused the call, or there was no answer.
    pub fn schedules(&self) -> Result<Vec<Shown<ScheduleObject>>, HandoffError> {
        let call = Call::new(Method::GET, "/v1/schedules".to_owned(), "schedules");
        Ok(self.http.object::<Schedules>(&call)?.schedules)
    }

    /// The queue of a name. No request is made.
    #[must_use]
    pub fn queue(&self, name: &str) -> Queue {
        Queue::new(&self.http, name)
    }

    /// All queues, without statistics.
    ///
    /// # Errors
    /// Handoff refused the call, or there was no answer.
    pub fn queues(&self) -> Result<Vec<Shown<QueueObject>>, HandoffError> {
        let call = Call::new(Method::GET, "/v1/queues".to_owned(), "queues");
        Ok(self.http.object::<Queues>(&call)?.queues)
    }

    /// The state of a task in few words: the answer of `/status/{id}`.
    ///
    /// # Errors
    /// There is no such task, Handoff refused the call, or there was no answer.
    pub fn status(&self, id: &str) -> Result<Shown<StatusObject>, HandoffError> {
        self.http
            .see(&Call::new(Method::GET, path("/status/", id, "")?, "status"))
    }

    /// Whether an instance answers. It pushes every queue along, and is not repeated.
    ///
    /// # Errors
    /// There was no answer.
    pub fn alive(&self) -> Result<Shown<StatusObject>, HandoffError> {
        self.look("/healthz")
    }

    /// Whether the store works and workers can be woken. It is not repeated.
    ///
    /// # Errors
    /// The error says what does not work, and what to do.
    pub fn ready(&self) -> Result<Shown<StatusObject>, HandoffError> {
        self.look("/readyz")
    }

    fn look(&self, path: &str) -> Result<Shown<StatusObject>, HandoffError> {
        let mut call = Call::new(Method::GET, path.to_owned(), "status");
        call.repeat = false;
        self.http.see(&call)
    }

    fn entry(&self, entry: &Json) -> Result<BatchEntry, HandoffError> {
        // The error of an item is an object, and that of a task is text.
        let value: Value = entry.parse()?;
        if value.get("id").is_some() {
            let shown: Shown<TaskObject> = entry.parse()?;
            return Ok(Ok(Task::new(&self.http, shown.id.clone(), Some(shown))));
        }
        let problem = value
            .get("error")
            .and_then(|error| self.http.problem(error));
        let what = "an item that is neither a task nor a problem";
        Ok(Err(problem.unwrap_or_else(|| HandoffError::other(what))))
    }

    /// Adds a key of the client's own, unless the caller gave one or nothing is repeated.
    fn keyed(&self, fields: Fields) -> Fields {
        match self.http.repeats() {
            true => fields.keyed(),
            false => fields,
        }
    }
}

fn post(path: &str, fields: &Fields) -> Result<Call, HandoffError> {
    let mut call = Call::new(Method::POST, path.to_owned(), "id");
    call.body = Some(fields.body()?);
    if let Some(wait) = fields.wait {
        call.held = wait;
        call.query = vec![("wait".to_owned(), format!("{}ms", wait.as_millis()))];
    }
    if let Some(traceparent) = &fields.traceparent {
        call.headers = vec![("traceparent", traceparent.clone())];
    }
    Ok(call)
}
