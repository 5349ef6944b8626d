//! Pages of failed tasks, and discarding them.

use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::failed::list::{CHUNK_MAX, Failed, FailedList, Standing};
use crate::model::state::State;
use crate::runs::view::{TaskView, Views};
use crate::store::contract::Store;
use crate::store::error::QueueError;

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
pub struct BulkResult<T> {
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

impl<S: Store, E: Env> FailedList<'_, S, E> {
    /// Failed tasks that were neither retried nor discarded, those that failed last first: at most `most`, and of those that
    /// failed before number `before`. A page may be short, and still not be the last one.
    pub(crate) async fn failed(
        &self,
        before: Option<u64>,
        most: usize,
    ) -> Result<FailedPage, QueueError> {
        let part = self.failed_before(before, most).await?;
        let mut unreadable = part.unreadable;
        let mut tasks = Vec::with_capacity(part.failed.len());
        for (_, failed) in part.failed {
            let Failed { id, task, run, .. } = failed;
            let view = Views::of(self).view_of(&id, task, Some(run)).await;
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

    /// Takes a failed task off the list. It stays readable until its retention is over. Repeating it is harmless.
    pub(crate) async fn discard(&self, id: &TaskId) -> Result<Discarded, QueueError> {
        match self.standing(id).await? {
            Standing::Failed(failed) => {
                self.unlist(&[*failed]).await?;
                Ok(Discarded::Done)
            }
            Standing::Not(task, run) => {
                let view = Views::of(self)
                    .view_of(id, *task, run.map(|run| *run))
                    .await?;
                Ok(Discarded::NotFailed(view.state))
            }
            Standing::Unknown => Ok(Discarded::Unknown),
        }
    }

    /// The same with all that failed before number `before`, those that failed last first, until `end_ms`. Says how many.
    pub(crate) async fn discard_failed(
        &self,
        before: Option<u64>,
        end_ms: u64,
    ) -> Result<BulkResult<u64>, QueueError> {
        let mut swept = BulkResult {
            done: 0,
            next: before,
        };
        loop {
            let part = self.failed_before(swept.next, CHUNK_MAX).await?;
            let next = part.next;
            let failed: Vec<_> = part.failed.into_iter().map(|(_, failed)| failed).collect();
            self.unlist(&failed).await?;
            swept.done += failed.len() as u64;
            swept.next = next;
            if next.is_none() || self.env.now_ms() >= end_ms {
                return Ok(swept);
            }
        }
    }
}
