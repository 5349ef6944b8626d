//! A task, a workflow, and a schedule.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::error::{Ended, ErrorKind, HandoffError};
use crate::events::Events;
use crate::fields::ScheduleFields;
use crate::http::{Call, Http};
use crate::json::{Json, Shown};
use crate::objects::{ScheduleObject, TaskObject, WorkflowObject};
use crate::queue::MembersOf;
use crate::url::path;
use crate::words::State;

/// One wait is at most so long: shorter than the time after which proxies end quiet requests.
const WAIT_MAX: Duration = Duration::from_secs(25);

/// An object of a task or workflow.
trait Final: DeserializeOwned {
    fn state(&self) -> &State;
    fn has_ended_at(&self) -> bool;
    fn result(&self) -> Option<&Json>;
}

macro_rules! finals {
    ($($name:ident)+) => {
        $(impl Final for $name {
            fn state(&self) -> &State {
                &self.state
            }

            fn has_ended_at(&self) -> bool {
                self.ended_at.is_some()
            }

            fn result(&self) -> Option<&Json> {
                self.result.as_ref()
            }
        })+
    };
}

finals! { TaskObject WorkflowObject }

/// A task or workflow: its id, and how it was last seen.
#[derive(Debug, Clone)]
struct Handle<T> {
    http: Arc<Http>,
    before: &'static str,
    id: String,
    object: Option<Box<Shown<T>>>,
}

impl<T: Final> Handle<T> {
    fn path(&self, behind: &str) -> Result<String, HandoffError> {
        path(self.before, &self.id, behind)
    }

    fn see(&mut self, call: &Call) -> Result<&Shown<T>, HandoffError> {
        let shown = self.http.see(call)?;
        Ok(self.object.insert(Box::new(shown)))
    }

    fn refresh(&mut self) -> Result<&Shown<T>, HandoffError> {
        let call = Call::new(Method::GET, self.path("")?, "id");
        self.see(&call)
    }

    fn cancel(&mut self) -> Result<&Shown<T>, HandoffError> {
        let call = Call::new(Method::DELETE, self.path("")?, "id");
        self.see(&call)
    }

    fn result(&mut self, wait: Option<Duration>) -> Result<Json, HandoffError> {
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut last = false;
        loop {
            // An answer without `ended_at` shows no more than the state.
            let seen = self
                .object
                .as_deref()
                .filter(|seen| last || seen.has_ended_at());
            if let Some(seen) = seen {
                if seen.state().is_final() {
                    return outcome(seen);
                }
                if last {
                    let after = wait.unwrap_or_default().as_millis();
                    let what = format!("{} is {} after {after} ms", self.id, seen.state());
                    return Err(HandoffError::new(ErrorKind::Timeout, what));
                }
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            last = left.is_some_and(|left| left <= WAIT_MAX);
            let held = left.unwrap_or(WAIT_MAX).min(WAIT_MAX);
            // Rounded up.
            let held_ms = held.as_nanos().div_ceil(1_000_000);
            let mut call = Call::new(Method::GET, self.path("")?, "id");
            call.query = vec![("wait".to_owned(), format!("{held_ms}ms"))];
            call.held = held;
            call.until = until;
            let shown: &Shown<T> = self.see(&call)?;
            if shown.state().is_final() {
                return outcome(shown);
            }
        }
    }
}

/// The result of what is final, or the error that says how it ended.
fn outcome<T: Final>(shown: &Shown<T>) -> Result<Json, HandoffError> {
    let kind = match shown.state() {
        State::Failed => ErrorKind::TaskFailed,
        State::Cancelled => ErrorKind::TaskCancelled,
        State::Expired => ErrorKind::TaskExpired,
        _ => return Ok(shown.result().cloned().unwrap_or_else(Json::null)),
    };
    let ended: Shown<Ended> = shown.json().parse()?;
    Err(HandoffError::ended(kind, ended))
}

/// Makes the calls that tasks and workflows have in common.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident of $object:ident at $path:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(Handle<$object>);

        impl $name {
            pub(crate) fn new(
                http: &Arc<Http>,
                id: String,
                object: Option<Shown<$object>>,
            ) -> Self {
                let http = Arc::clone(http);
                let object = object.map(Box::new);
                Self(Handle { http, before: $path, id, object })
            }

            /// Its id.
            #[must_use]
            pub fn id(&self) -> &str {
                &self.0.id
            }

            /// As it was last seen; `None` before it was.
            #[must_use]
            pub fn object(&self) -> Option<&Shown<$object>> {
                self.0.object.as_deref()
            }

            /// Looks at it.
            ///
            /// # Errors
            /// There is none of this id, Handoff refused the call, or there was no answer.
            pub fn refresh(&mut self) -> Result<&Shown<$object>, HandoffError> {
                self.0.refresh()
            }

            /// Asks it to stop. Its `state` tells whether it has: something that runs sees the
            /// request at its next checkpoint.
            ///
            /// # Errors
            /// There is none of this id, Handoff refused the call, or there was no answer.
            pub fn cancel(&mut self) -> Result<&Shown<$object>, HandoffError> {
                self.0.cancel()
            }

            /// Waits until it is final, at most for `wait`, and returns its result. With `None`
            /// there is no limit.
            ///
            /// # Errors
            /// It did not succeed, is not final in time, or there was no answer.
            pub fn result(
                &mut self,
                wait: impl Into<Option<Duration>>,
            ) -> Result<Json, HandoffError> {
                self.0.result(wait.into())
            }
        }
    };
}

handle! {
    /// A task. [`Client::task`](crate::Client::task) makes one of an id.
    Task of TaskObject at "/v1/tasks/"
}

handle! {
    /// A workflow. Its id is also a task's, so `client.task(id)` has its events, and retries it.
    Workflow of WorkflowObject at "/v1/workflows/"
}

impl Task {
    /// Enqueues a failed task anew. The new task exists once, however often this is called.
    ///
    /// # Errors
    /// The task did not fail, Handoff refused the call, or there was no answer.
    pub fn retry(&self) -> Result<Self, HandoffError> {
        let call = Call::new(Method::POST, self.0.path("/retry")?, "id");
        let shown: Shown<TaskObject> = self.0.http.see(&call)?;
        Ok(Self::new(&self.0.http, shown.id.clone(), Some(shown)))
    }

    /// Takes a failed task off the list of its queue.
    ///
    /// # Errors
    /// The task did not fail, Handoff refused the call, or there was no answer.
    pub fn discard(&mut self) -> Result<&Shown<TaskObject>, HandoffError> {
        let call = Call::new(Method::POST, self.0.path("/discard")?, "id");
        self.0.see(&call)
    }

    /// Follows the task until its end, each event once. Connections that end or break are made
    /// again.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events_behind("")
    }

    /// The same, for the events behind the one with this id.
    #[must_use]
    pub fn events_behind(&self, last_event_id: &str) -> Events {
        Events::new(&self.0.http, self.0.path(""), last_event_id)
    }
}

impl Workflow {
    pub(crate) fn of(http: &Arc<Http>, shown: Shown<WorkflowObject>) -> Self {
        Self::new(http, shown.id.clone(), Some(shown))
    }

    /// Its tasks, also those that are not enqueued yet. One request asks for `limit`: 20 without
    /// it, 100 at most.
    #[must_use]
    pub fn tasks(&self, limit: Option<u32>) -> MembersOf {
        MembersOf::new(&self.0.http, self.0.path("/tasks"), limit)
    }
}

/// The schedule of a name.
#[derive(Debug, Clone)]
pub struct Schedule {
    http: Arc<Http>,
    name: String,
}

impl Schedule {
    pub(crate) fn new(http: &Arc<Http>, name: &str) -> Self {
        Self {
            http: Arc::clone(http),
            name: name.to_owned(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Creates or replaces the schedule. Putting it unchanged changes nothing.
    ///
    /// # Errors
    /// Handoff refused the fields, or there was no answer.
    pub fn put(&self, fields: &ScheduleFields) -> Result<Shown<ScheduleObject>, HandoffError> {
        let mut call = self.call(Method::PUT)?;
        call.body = Some(fields.fields.body()?);
        self.http.see(&call)
    }

    /// The schedule.
    ///
    /// # Errors
    /// There is none of this name, Handoff refused the call, or there was no answer.
    pub fn get(&self) -> Result<Shown<ScheduleObject>, HandoffError> {
        self.http.see(&self.call(Method::GET)?)
    }

    /// Pauses the schedule: it enqueues nothing until it is resumed. With a token that may not read
    /// the answer has only `name` and `paused`.
    ///
    /// # Errors
    /// There is none of this name, Handoff refused the call, or there was no answer.
    pub fn pause(&self) -> Result<Shown<ScheduleObject>, HandoffError> {
        self.http.see(&self.call_to(Method::POST, "/pause")?)
    }

    /// Resumes the schedule: it goes on at its next regular time.
    ///
    /// # Errors
    /// As of [`Schedule::pause`].
    pub fn resume(&self) -> Result<Shown<ScheduleObject>, HandoffError> {
        self.http.see(&self.call_to(Method::POST, "/resume")?)
    }

    /// Ends the schedule. The tasks that it enqueued stay.
    ///
    /// # Errors
    /// There is none of this name, Handoff refused the call, or there was no answer.
    pub fn delete(&self) -> Result<(), HandoffError> {
        let mut call = self.call(Method::DELETE)?;
        call.gone_is_done = true;
        self.http.json(&call).map(drop)
    }

    fn call(&self, method: Method) -> Result<Call, HandoffError> {
        self.call_to(method, "")
    }

    fn call_to(&self, method: Method, more: &str) -> Result<Call, HandoffError> {
        let path = path("/v1/schedules/", &self.name, more)?;
        Ok(Call::new(method, path, "name"))
    }
}
