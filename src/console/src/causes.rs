//! Why tasks failed: reads the failed tasks of queues, and groups them by their causes.

use crate::api::Api;
use crate::failure::Failure;
use crate::filter::{Filter, from_of};
use crate::model::{Task, Tasks};
use crate::words;
use futures::future::join_all;
use handoff_platform::clock;
use handoff_wire::{Causes, encode, headline};
use std::cell::RefCell;

/// So many tasks are read in one call.
const PAGE: usize = 100;
/// So many queues are read at once.
const AT_ONCE: usize = 8;

/// How far to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// So many tasks of each queue, or some more.
    pub tasks: u64,
    /// No call begins after so many milliseconds.
    pub ms: u64,
}

/// Failed tasks of one cause.
#[derive(Debug, Default)]
pub(crate) struct Cause {
    pub count: u64,
    pub queue: String,
    pub kind: String,
    pub error: String,
    pub when: String,
    /// The id of one of them.
    pub example: String,
    /// These tasks.
    pub filter: Filter,
}

impl Cause {
    /// The fields by which a change of these tasks finds them. It is of failed ones anyway.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        let fields = self.filter.fields().into_iter();
        fields.filter(|(name, _)| *name != "state").collect()
    }

    fn of(cause: handoff_wire::Cause, filter: &Filter) -> Self {
        Self {
            count: cause.count,
            when: match (cause.first, cause.last) {
                (Some(first), Some(last)) => words::period(first, last),
                _ => String::new(),
            },
            filter: Filter {
                task: cause.kind.clone(),
                error: cause.error.clone(),
                ..filter.of_state("failed")
            },
            queue: cause.queue,
            kind: cause.kind,
            error: cause.error,
            example: cause.example,
        }
    }
}

/// How many tasks of a queue were read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub queue: String,
    pub count: u64,
    /// There are more that were not read.
    pub more: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub causes: Vec<Cause>,
    /// Entries that the API can't read: their ids and errors.
    pub unreadable: Vec<(String, String)>,
    pub read: Vec<Read>,
}

impl Found {
    pub(crate) fn count(&self) -> u64 {
        self.read.iter().map(|read| read.count).sum()
    }

    pub(crate) fn more(&self) -> bool {
        self.read.iter().any(|read| read.more)
    }
}

/// Reads the failed tasks of queues that fit, the last failures first.
pub(crate) async fn find(
    api: &Api,
    queues: &[&str],
    filter: &Filter,
    bounds: Bounds,
) -> Result<Found, Failure> {
    let end_ms = clock::now_ms() + bounds.ms;
    let groups = RefCell::default();
    let mut found = Found::default();
    for some in queues.chunks(AT_ONCE) {
        let some = some.iter().map(|queue| async {
            let read = |task: &Task| Groups::add(&mut groups.borrow_mut(), queue, task);
            read_all(api, queue, filter, (bounds.tasks, end_ms), read).await
        });
        for read in join_all(some).await {
            found.read.push(read?);
        }
    }
    let groups = groups.into_inner();
    let causes = groups.causes.list().into_iter();
    found.causes = causes.map(|cause| Cause::of(cause, filter)).collect();
    found.unreadable = groups.unreadable;
    Ok(found)
}

#[derive(Debug, Default)]
struct Groups {
    causes: Causes,
    unreadable: Vec<(String, String)>,
}

impl Groups {
    fn add(&mut self, queue: &str, task: &Task) {
        let error = task.error.as_deref().unwrap_or_default();
        if task.state.is_empty() {
            let line = headline(error).to_owned();
            return self.unreadable.push((task.id.clone(), line));
        }
        self.causes
            .add(queue, &task.task, error, task.ended_at, &task.id);
    }
}

/// Reads so many tasks of a queue, or until a time.
async fn read_all(
    api: &Api,
    queue: &str,
    filter: &Filter,
    (most, end_ms): (u64, u64),
    each: impl Fn(&Task),
) -> Result<Read, Failure> {
    let mut read = Read {
        queue: queue.to_owned(),
        ..Read::default()
    };
    let mut from = String::new();
    loop {
        let path = |limit| path(queue, filter, limit, &from);
        let page: Tasks = api.list(path, PAGE).await?;
        page.tasks.iter().for_each(&each);
        let tasks = page.tasks.iter().filter(|task| !task.state.is_empty());
        read.count += tasks.count() as u64;
        let Some(next) = from_of(page.next.as_deref()) else {
            return Ok(read);
        };
        if read.count >= most || clock::now_ms() >= end_ms {
            read.more = true;
            return Ok(read);
        }
        from = format!("&from={next}");
    }
}

fn path(queue: &str, filter: &Filter, limit: usize, from: &str) -> String {
    let (queue, query) = (encode(queue), filter.of_state("failed").query());
    format!("/v1/queues/{queue}/tasks?{query}limit={limit}{from}")
}

/// The path of the API's list of these tasks.
pub(crate) fn list(queue: &str, filter: &Filter) -> String {
    path(queue, filter, PAGE, "")
}
