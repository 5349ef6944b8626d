//! Pages of failed tasks, and discarding them.

use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::failed::list::{CHUNK_MAX, Failed, FailedList, Standing};
use crate::model::state::State;
use crate::model::task::Fits;
use crate::runs::view::{TaskView, Views};
use crate::store::contract::Store;
use crate::store::error::QueueError;

/// A page of the failed list.
#[derive(Debug)]
pub struct FailedPage {
    /// The tasks, newest first.
    pub tasks: Vec<(TaskId, TaskView)>,
    /// Unreadable tasks, with their ids as far as these are known.
    pub unreadable: Vec<(Option<TaskId>, QueueError)>,
    /// The number from which the next page begins, if there may be one.
    pub next: Option<u64>,
}

/// The result of a call for all failed tasks.
#[derive(Debug, Default)]
pub struct BulkResult<T> {
    /// The result for the tasks that it removed from the list.
    pub done: T,
    /// The number from which to go on, if it did not reach the end of the list.
    pub next: Option<u64>,
}

/// The result of a request to discard a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    /// The task is not on the list, or not any more.
    Done,
    /// The task did not fail.
    NotFailed(State),
    /// No task has this id.
    Unknown,
}

impl<S: Store, E: Env> FailedList<'_, S, E> {
    /// Reads a page of the failed list, newest first: at most `most` tasks that fit, before number
    /// `before`. A page may be short without being the last one.
    pub(crate) async fn failed(
        &self,
        fits: Fits<'_>,
        before: Option<u64>,
        most: usize,
    ) -> Result<FailedPage, QueueError> {
        let part = self.failed_before(fits, before, most).await?;
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

    /// Removes a failed task from the failed list. The task stays readable until its retention is
    /// over. The call is idempotent.
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

    /// Discards the failed tasks that fit before number `before`, newest first, until `end_ms`.
    /// Returns how many it discarded, or with `dry_run` would discard.
    pub(crate) async fn discard_failed(
        &self,
        fits: Fits<'_>,
        before: Option<u64>,
        end_ms: u64,
        dry_run: bool,
    ) -> Result<BulkResult<u64>, QueueError> {
        let mut swept = BulkResult {
            done: 0,
            next: before,
        };
        loop {
            let part = self.failed_before(fits, swept.next, CHUNK_MAX).await?;
            let next = part.next;
            let failed: Vec<_> = part.failed.into_iter().map(|(_, failed)| failed).collect();
            if !dry_run {
                self.unlist(&failed).await?;
            }
            swept.done += failed.len() as u64;
            swept.next = next;
            if next.is_none() || self.env.now_ms() >= end_ms {
                return Ok(swept);
            }
        }
    }
}
