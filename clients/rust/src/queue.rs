//! A queue, and lists that come in pages.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::error::HandoffError;
use crate::filter::Filter;
use crate::handles::{Task, Workflow};
use crate::http::{Call, Http, Query};
use crate::json::Shown;
use crate::objects::{Member, QueueObject, Searched, TaskObject, WorkflowObject};
use crate::url::{path, query_of};

/// The queue of a name.
#[derive(Debug, Clone)]
pub struct Queue {
    http: Arc<Http>,
    name: String,
}

impl Queue {
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

    /// The queue with its statistics.
    ///
    /// # Errors
    /// There is none of this name, Handoff refused the call, or there was no answer.
    pub fn get(&self) -> Result<Shown<QueueObject>, HandoffError> {
        self.http.see(&self.call(Method::GET, "", "name")?)
    }

    /// Lets workers take nothing more of your tasks.
    ///
    /// # Errors
    /// As of [`Queue::get`].
    pub fn pause(&self) -> Result<Shown<QueueObject>, HandoffError> {
        self.http.see(&self.call(Method::POST, "/pause", "name")?)
    }

    /// Lets workers take your tasks again.
    ///
    /// # Errors
    /// As of [`Queue::get`].
    pub fn resume(&self) -> Result<Shown<QueueObject>, HandoffError> {
        self.http.see(&self.call(Method::POST, "/resume", "name")?)
    }

    /// Cancels what waits; `purged` says how much. It is never repeated: a repetition would cancel
    /// what came meanwhile, too.
    ///
    /// # Errors
    /// As of [`Queue::get`].
    pub fn purge(&self) -> Result<Shown<QueueObject>, HandoffError> {
        let mut call = self.call(Method::POST, "/purge", "name")?;
        call.repeat = false;
        self.http.see(&call)
    }

    /// Tasks that fit. The newest come first; failed ones by their failures, and queued ones in the
    /// order in which workers claim them. One request asks for `limit`: 20 without it, 100 at most.
    #[must_use]
    pub fn tasks(&self, filter: &Filter, limit: Option<u32>) -> Tasks {
        Tasks(self.list(filter, limit))
    }

    /// Failed tasks that fit, the last failures first: [`Queue::tasks`] with this state.
    #[must_use]
    pub fn failed(&self, filter: &Filter, limit: Option<u32>) -> Tasks {
        self.tasks(&filter.clone().state("failed"), limit)
    }

    /// One page of the same, with entries whose record is unreadable. `from` is the `next` of the
    /// page before.
    ///
    /// # Errors
    /// Handoff refused the call, or there was no answer.
    pub fn page(
        &self,
        filter: &Filter,
        limit: Option<u32>,
        from: Option<&str>,
    ) -> Result<TasksPage, HandoffError> {
        let mut call = self.call(Method::GET, "/tasks", "tasks")?;
        call.query = match from {
            Some(link) => query_of(link),
            None => with_limit(&filter.0, limit),
        };
        self.http.object(&call)
    }

    /// Workflows of the queue, the newest first. One request asks for `limit`: 20 without it, 100 at
    /// most.
    #[must_use]
    pub fn workflows(&self, limit: Option<u32>) -> Workflows {
        let path = path("/v1/queues/", &self.name, "/workflows");
        let query = with_limit(&Query::new(), limit);
        Workflows(Pages::new(&self.http, path, "workflows", query))
    }

    /// Enqueues the failed tasks that fit anew. Returns how many, less those of lost answers.
    ///
    /// # Errors
    /// Handoff refused the call, or there was no answer.
    pub fn retry_failed(&self, filter: &Filter, dry_run: bool) -> Result<u64, HandoffError> {
        self.bulk(Bulk::Retry, filter, dry_run).count_all()
    }

    /// Takes the failed tasks that fit off the list. Returns how many, less those of lost answers.
    ///
    /// # Errors
    /// Handoff refused the call, or there was no answer.
    pub fn discard_failed(&self, filter: &Filter, dry_run: bool) -> Result<u64, HandoffError> {
        self.bulk(Bulk::Discard, filter, dry_run).count_all()
    }

    /// Cancels the open tasks that fit: without a filter all of them. Returns how many, less those
    /// of lost answers; running ones count, which see the request at their next checkpoint.
    ///
    /// # Errors
    /// Handoff refused the call, or there was no answer.
    pub fn cancel(&self, filter: &Filter, dry_run: bool) -> Result<u64, HandoffError> {
        self.bulk(Bulk::Cancel, filter, dry_run).count_all()
    }

    /// The same changes call by call, to show how far they have come: each call takes some seconds,
    /// and gives the number of tasks that it changed, or would change.
    #[must_use]
    pub fn bulk(&self, bulk: Bulk, filter: &Filter, dry_run: bool) -> BulkCalls {
        let mut query = filter.0.clone();
        if dry_run {
            query.push(("dry_run".to_owned(), "true".to_owned()));
        }
        let (what, counts) = bulk.names();
        BulkCalls {
            queue: self.clone(),
            what,
            count: counts[usize::from(dry_run)],
            following: Some(query),
        }
    }

    fn list(&self, filter: &Filter, limit: Option<u32>) -> Pages<OfTasks<TaskObject>> {
        let path = path("/v1/queues/", &self.name, "/tasks");
        Pages::new(&self.http, path, "tasks", with_limit(&filter.0, limit))
    }

    fn call(
        &self,
        method: Method,
        behind: &str,
        answer: &'static str,
    ) -> Result<Call, HandoffError> {
        let path = path("/v1/queues/", &self.name, behind)?;
        Ok(Call::new(method, path, answer))
    }
}

fn with_limit(query: &Query, limit: Option<u32>) -> Query {
    let limit = limit.map(|limit| ("limit".to_owned(), limit.to_string()));
    query.iter().cloned().chain(limit).collect()
}

/// A change of all tasks that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bulk {
    /// [`Queue::retry_failed`].
    Retry,
    /// [`Queue::discard_failed`].
    Discard,
    /// [`Queue::cancel`].
    Cancel,
}

impl Bulk {
    /// The end of its path, and what its answers count: what was done, and what would be.
    fn names(self) -> (&'static str, [&'static str; 2]) {
        match self {
            Self::Retry => ("/retry-failed", ["retried", "would_retry"]),
            Self::Discard => ("/discard-failed", ["discarded", "would_discard"]),
            Self::Cancel => ("/cancel", ["cancelled", "would_cancel"]),
        }
    }
}

/// The calls of a [`Bulk`], each with its number of tasks. They end after an error.
#[derive(Debug)]
pub struct BulkCalls {
    queue: Queue,
    what: &'static str,
    count: &'static str,
    following: Option<Query>,
}

impl BulkCalls {
    fn count_all(self) -> Result<u64, HandoffError> {
        let mut calls = self;
        calls.try_fold(0_u64, |sum, count| Ok(sum.saturating_add(count?)))
    }

    fn call(&mut self, query: Query) -> Result<u64, HandoffError> {
        let mut call = self.queue.call(Method::POST, self.what, self.count)?;
        call.query = query;
        let answer: serde_json::Value = self.queue.http.object(&call)?;
        let next = answer.get("next").and_then(|next| next.as_str());
        self.following = next.map(query_of);
        let count = answer.get(self.count).and_then(serde_json::Value::as_u64);
        Ok(count.unwrap_or_default())
    }
}

impl Iterator for BulkCalls {
    type Item = Result<u64, HandoffError>;

    fn next(&mut self) -> Option<Self::Item> {
        let query = self.following.take()?;
        Some(self.call(query))
    }
}

/// A page of a list of tasks.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct TasksPage {
    /// The tasks. It may be short, or empty, and still have a `next`.
    pub tasks: Vec<Shown<TaskObject>>,
    /// The path of the next page.
    pub next: Option<String>,
    /// How far the page looked. The list of failed tasks has none.
    pub searched: Option<Searched>,
}

/// A page of a list.
trait Page: DeserializeOwned {
    type Entry: DeserializeOwned;
    /// Its entries, and the path of the next page.
    fn parts(self) -> (Vec<Shown<Self::Entry>>, Option<String>);
}

#[derive(Debug, Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct OfTasks<T> {
    tasks: Vec<Shown<T>>,
    next: Option<String>,
}

impl<T: DeserializeOwned> Page for OfTasks<T> {
    type Entry = T;

    fn parts(self) -> (Vec<Shown<T>>, Option<String>) {
        (self.tasks, self.next)
    }
}

#[derive(Debug, Deserialize)]
struct OfWorkflows {
    workflows: Vec<Shown<WorkflowObject>>,
    next: Option<String>,
}

impl Page for OfWorkflows {
    type Entry = WorkflowObject;

    fn parts(self) -> (Vec<Shown<WorkflowObject>>, Option<String>) {
        (self.workflows, self.next)
    }
}

/// The entries of a list, page by page.
#[derive(Debug)]
struct Pages<P: Page> {
    http: Arc<Http>,
    path: Result<String, HandoffError>,
    answer: &'static str,
    following: Option<Query>,
    read: VecDeque<Shown<P::Entry>>,
}

impl<P: Page> Pages<P> {
    fn new(
        http: &Arc<Http>,
        path: Result<String, HandoffError>,
        answer: &'static str,
        query: Query,
    ) -> Self {
        Self {
            http: Arc::clone(http),
            path,
            answer,
            following: Some(query),
            read: VecDeque::new(),
        }
    }

    fn advance(&mut self) -> Result<Option<Shown<P::Entry>>, HandoffError> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Ok(Some(entry));
            }
            let Some(query) = self.following.take() else {
                return Ok(None);
            };
            let mut call = Call::new(Method::GET, self.path.clone()?, self.answer);
            call.query = query;
            let (entries, next) = self.http.object::<P>(&call)?.parts();
            self.read = entries.into();
            self.following = next.as_deref().map(query_of);
        }
    }
}

/// The tasks of a list. Entries without an id are passed over. It ends after an error.
#[derive(Debug)]
pub struct Tasks(Pages<OfTasks<TaskObject>>);

impl Iterator for Tasks {
    type Item = Result<Task, HandoffError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.advance().transpose()? {
                // Without an id nobody can ask for it.
                Ok(shown) if shown.id.is_empty() => {}
                Ok(shown) => {
                    return Some(Ok(Task::new(&self.0.http, shown.id.clone(), Some(shown))));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The workflows of a list. Entries without an id are passed over. It ends after an error.
#[derive(Debug)]
pub struct Workflows(Pages<OfWorkflows>);

impl Iterator for Workflows {
    type Item = Result<Workflow, HandoffError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.advance().transpose()? {
                Ok(shown) if shown.id.is_empty() => {}
                Ok(shown) => return Some(Ok(Workflow::of(&self.0.http, shown))),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The tasks of a workflow. It ends after an error.
#[derive(Debug)]
pub struct MembersOf(Pages<OfTasks<Member>>);

impl MembersOf {
    pub(crate) fn new(
        http: &Arc<Http>,
        path: Result<String, HandoffError>,
        limit: Option<u32>,
    ) -> Self {
        Self(Pages::new(
            http,
            path,
            "tasks",
            with_limit(&Query::new(), limit),
        ))
    }
}

impl Iterator for MembersOf {
    type Item = Result<Shown<Member>, HandoffError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.advance().transpose()
    }
}
