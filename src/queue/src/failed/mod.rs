//! The list of failed tasks. Whoever is about to write that a task failed takes the next number of a counter and puts the task
//! under it first, and the number into the outcome then. A number counts only if the task's final record holds it: who dies
//! in between, or is superseded, leaves an entry that nobody shows and the keeper deletes (`pass`).
//!
//! An entry goes when its task is retried (`again`) or discarded, and with the task.

mod again;
mod pass;

pub use again::Retried;
pub(crate) use pass::Passed;

use crate::config::{PAGE_BYTES, RETENTION_MIN_MS};
use crate::guard::{Guard, holds};
use crate::record::{RunState, decode, encode};
use crate::{Env, Json, Queue, QueueError, Run, State, Store, Task, TaskId, TaskView};

/// An entry is written this soon after its number was taken, or under another one: the keeper passes numbers after an hour.
const LISTED_IN_MS: u64 = RETENTION_MIN_MS / 2;
/// The most numbers that are looked at for a page: of tasks that were retried or discarded nothing is left to show.
const LOOKED_AT_MAX: u64 = 1_000;
/// So many are looked at in one call.
const CHUNK_MAX: usize = 100;

/// A part of the list of failed tasks.
#[derive(Debug)]
pub struct FailedPage {
    /// The tasks, those that failed last first.
    pub tasks: Vec<(TaskId, TaskView)>,
    /// Those whose records can't be read, and their ids as far as these are known.
    pub unreadable: Vec<(Option<TaskId>, QueueError)>,
    /// Where the next page begins, if there may be one.
    pub next: Option<u64>,
}

/// What a call about all failed tasks came to.
#[derive(Debug, Default)]
pub struct Swept<T> {
    /// What became of those that it took off the list.
    pub done: T,
    /// Where to go on, if it did not come to the end of the list.
    pub next: Option<u64>,
}

/// What became of a request to take a task off the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    /// It is not in the list, or not any more.
    Done,
    /// It did not fail.
    NotFailed(State),
    /// There is no such task.
    Unknown,
}

/// A failed task.
struct Failed {
    id: TaskId,
    task: Task,
    run: Run,
    /// When its retention is over. It may be kept longer for an idempotency key.
    until_ms: u64,
}

impl Failed {
    fn bytes(&self) -> u64 {
        let checkpoint = self.run.checkpoint.as_ref().map_or(0, Json::bytes);
        let errors = self.run.errors.iter().map(|e| e.error.len() as u64);
        self.task.args.bytes() + checkpoint + errors.sum::<u64>()
    }
}

/// What was found of a part of the list.
struct Part {
    /// The tasks and their numbers.
    failed: Vec<(u64, Failed)>,
    unreadable: Vec<(Option<TaskId>, QueueError)>,
    /// Where to go on.
    next: Option<u64>,
}

/// How a task stands, as far as the list is concerned.
enum Standing {
    Failed(Box<Failed>),
    /// Not final, or otherwise than by failing.
    Not(Box<Task>, Option<Box<Run>>),
    Unknown,
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Puts a task that is about to fail into the list, and returns its number there.
    pub(crate) async fn list_failed(&self, id: &TaskId) -> Result<u64, QueueError> {
        loop {
            let began_ms = self.env.now_ms();
            let i = self.store.increment(&self.keys.failures(), 1).await?;
            if holds(Guard::ListBeforeOutcome) {
                self.enter_failed(i, id).await?;
            }
            if self.env.now_ms().saturating_sub(began_ms) < LISTED_IN_MS {
                return Ok(i);
            }
            // This instance stalled for so long that the keeper may have passed the number: nobody would come by.
            self.store.delete_many(&[self.keys.failure(i)]).await?;
        }
    }

    pub(crate) async fn enter_failed(&self, i: u64, id: &TaskId) -> Result<(), QueueError> {
        Ok(self.store.set(&self.keys.failure(i), &encode(id)).await?)
    }

    /// Failed tasks that were neither retried nor discarded, those that failed last first: at most `most`, and of those that
    /// failed before number `before`. A page may be short, and still not be the last one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn failed(&self, before: Option<u64>, most: usize) -> Result<FailedPage, QueueError> {
        let part = self.failed_before(before, most).await?;
        let mut unreadable = part.unreadable;
        let mut tasks = Vec::with_capacity(part.failed.len());
        for (_, failed) in part.failed {
            let Failed { id, task, run, .. } = failed;
            let view = self.view_of(&id, task, Some(run)).await;
            match QueueError::or_unreadable(view)? {
                Ok(view) => tasks.push((id, view)),
                Err(e) => unreadable.push((Some(id), e)),
            }
        }
        Ok(FailedPage {
            tasks,
            unreadable,
            next: part.next,
        })
    }

    /// The same with their numbers.
    async fn failed_before(&self, before: Option<u64>, most: usize) -> Result<Part, QueueError> {
        let first = self.first_failure().await?;
        let count = self.store.counter(&self.keys.failures()).await?;
        let mut end = before.map_or(count + 1, |before| before.min(count + 1));
        let stop = end.saturating_sub(LOOKED_AT_MAX).max(first);
        let (mut found, mut unreadable, mut bytes) = (Vec::new(), Vec::new(), 0);
        while end > stop && found.len() + unreadable.len() < most {
            let left = most - found.len() - unreadable.len();
            let chunk = left.min(CHUNK_MAX) as u64;
            let numbers = (end.saturating_sub(chunk).max(stop)..end).rev();
            let keys: Vec<_> = numbers.clone().map(|i| self.keys.failure(i)).collect();
            let values = self.store.get_many(&keys).await?;
            end -= keys.len() as u64;
            for ((i, key), value) in numbers.zip(&keys).zip(values) {
                let Some(value) = value else { continue };
                if bytes >= PAGE_BYTES {
                    return Ok(Part {
                        failed: found,
                        unreadable,
                        next: Some(i + 1),
                    });
                }
                let listed = self.listed_as(i, key, &value).await;
                match QueueError::or_unreadable(listed)? {
                    Ok(Some(failed)) if failed.until_ms > self.env.now_ms() => {
                        bytes += failed.bytes();
                        found.push((i, failed));
                    }
                    Ok(_) => {}
                    // It must not hide all others.
                    Err(e) => {
                        self.env.log(&e.to_string());
                        unreadable.push((self.entry_id(key, &value).ok(), e));
                    }
                }
            }
        }
        Ok(Part {
            failed: found,
            unreadable,
            next: (end > first).then_some(end),
        })
    }

    /// The failed task that number `i` stands for, if it does.
    async fn listed_as(
        &self,
        i: u64,
        key: &str,
        entry: &[u8],
    ) -> Result<Option<Failed>, QueueError> {
        let id = self.entry_id(key, entry)?;
        Ok(match self.standing(&id).await? {
            Standing::Failed(failed) if failed.run.listed() == Some(i) => Some(*failed),
            _ => None,
        })
    }

    fn entry_id(&self, key: &str, entry: &[u8]) -> Result<TaskId, QueueError> {
        let id: TaskId = decode(key, entry)?;
        if id.queue() == self.name() {
            return Ok(id);
        }
        Err(QueueError::Record {
            key: key.to_owned(),
            reason: format!("{id} is not in this queue"),
        })
    }

    async fn standing(&self, id: &TaskId) -> Result<Standing, QueueError> {
        let found = self.final_record(id).await?;
        let Some(task) = self.home(id).await? else {
            return Ok(Standing::Unknown);
        };
        let (run, at_once) = match found {
            Some((run, at_once)) if matches!(run.state, RunState::Failed { .. }) => (run, at_once),
            other => {
                let run = other.map(|(run, _)| Box::new(run));
                return Ok(Standing::Not(Box::new(task), run));
            }
        };
        let ended_ms = self.ended_ms(id.slot(), &task, &run, at_once).await?;
        Ok(Standing::Failed(Box::new(Failed {
            until_ms: ended_ms + task.retention_ms,
            id: id.clone(),
            task,
            run,
        })))
    }

    /// Takes a failed task off the list. It stays readable until its retention is over. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails; it may be off the list all the same.
    pub async fn discard(&self, id: &TaskId) -> Result<Discarded, QueueError> {
        match self.standing(id).await? {
            Standing::Failed(failed) => {
                self.take_off(&[*failed]).await?;
                Ok(Discarded::Done)
            }
            Standing::Not(task, run) => {
                let view = self.view_of(id, *task, run.map(|run| *run)).await?;
                Ok(Discarded::NotFailed(view.state))
            }
            Standing::Unknown => Ok(Discarded::Unknown),
        }
    }

    /// The same with all that failed before number `before`, those that failed last first, until `end_ms`. Says how many.
    ///
    /// # Errors
    /// If the store fails; some may be off the list all the same.
    pub async fn discard_failed(
        &self,
        before: Option<u64>,
        end_ms: u64,
    ) -> Result<Swept<u64>, QueueError> {
        let mut swept = Swept {
            done: 0,
            next: before,
        };
        loop {
            let part = self.failed_before(swept.next, CHUNK_MAX).await?;
            let next = part.next;
            let failed: Vec<_> = part.failed.into_iter().map(|(_, failed)| failed).collect();
            self.take_off(&failed).await?;
            swept.done += failed.len() as u64;
            swept.next = next;
            if next.is_none() || self.env.now_ms() >= end_ms {
                return Ok(swept);
            }
        }
    }

    async fn take_off(&self, failed: &[Failed]) -> Result<(), QueueError> {
        let numbers = failed.iter().filter_map(|failed| failed.run.listed());
        let keys: Vec<_> = numbers.map(|i| self.keys.failure(i)).collect();
        if !keys.is_empty() {
            self.store.delete_many(&keys).await?;
        }
        Ok(())
    }
}
