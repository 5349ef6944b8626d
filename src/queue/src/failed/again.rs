//! Retrying failed tasks. The failed task stays as it is; a new task does its work.

use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::failed::list::{Failed, FailedList, Standing};
use crate::failed::page::BulkResult;
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{IdempotencyKey, Once};
use crate::model::receipt::Receipt;
use crate::model::state::State;
use crate::model::task::{Fits, TaskSpec, Trace};
use crate::runs::read::Runs;
use crate::runs::view::Views;
use crate::store::contract::Store;
use crate::store::error::QueueError;

/// So many entries are read together.
const PAGE: usize = 20;

/// A retry's key outlives the time in which a retry may be requested by this much. That time counts
/// from the failure, by another clock, and a request may take 30 s.
const KEY_SLACK_MS: u64 = 60_000;

/// The result of a request to retry a task.
#[derive(Debug)]
pub enum Retried {
    /// This request was the first: its task was enqueued.
    Created(Receipt),
    /// An earlier request was the first. This is its task, as it was enqueued.
    Repeated(Receipt),
    /// Other requests are trying at this moment, and nothing was decided in time.
    Busy,
    /// The task did not fail.
    NotFailed(State),
    /// The task failed, but its retention is over. It stays only for its idempotency key.
    Over,
    /// No task has this id.
    Unknown,
}

/// The key of a task's retry. The new task is kept as long as the failed one may be retried, so that
/// a repeated request finds it.
fn key(failed: &TaskId, task: &TaskSpec) -> IdempotencyKey {
    let ttl_ms = task.retention_ms + KEY_SLACK_MS;
    IdempotencyKey::internal(&format!("retry:{failed}"), ttl_ms)
}

impl<S: Store, E: Env> FailedList<'_, S, E> {
    /// Enqueues a failed task again, once: repeated calls find the same new task. The failed task
    /// leaves the failed list and stays readable until its retention is over.
    pub(crate) async fn retry(
        &self,
        id: &TaskId,
        trace: Option<Trace>,
    ) -> Result<Retried, QueueError> {
        let began_ms = self.env.now_ms();
        match self.standing(id).await? {
            Standing::Failed(failed) if failed.until_ms <= began_ms => Ok(Retried::Over),
            Standing::Failed(failed) => {
                Ok(match self.enqueue_again(*failed, trace, began_ms).await? {
                    Once::Created(receipt) => Retried::Created(receipt),
                    Once::Repeated(receipt) => Retried::Repeated(receipt),
                    // All users of this key mean the same, so another fingerprint never comes.
                    Once::Differs | Once::Busy => Retried::Busy,
                })
            }
            Standing::Not(task, run) => {
                let view = Views::of(self)
                    .view_of(id, *task, run.map(|run| *run))
                    .await?;
                Ok(Retried::NotFailed(view.state))
            }
            Standing::Unknown => Ok(Retried::Unknown),
        }
    }

    /// Returns the task as which a failed task was retried, as long as its key is kept.
    pub(crate) async fn retried_as(
        &self,
        id: &TaskId,
        task: &TaskSpec,
    ) -> Result<Option<TaskId>, QueueError> {
        let found = Idempotency::of(self).decided(&key(id, task)).await?;
        let Some(found) = found else { return Ok(None) };
        let new = TaskId::new(self.name(), found.slot, &found.task.nonce);
        // A retry that died in between has not enqueued it yet.
        let home = Runs::of(self).home(&new).await?;
        Ok(home.map(|_| new))
    }

    /// Retries the failed tasks that fit before number `before`, newest first, until `end_ms`.
    /// Returns the receipts of the new tasks as one. Two concurrent calls share the work.
    pub(crate) async fn retry_failed(
        &self,
        fits: Fits<'_>,
        before: Option<u64>,
        end_ms: u64,
        trace: Option<Trace>,
    ) -> Result<BulkResult<Receipt>, QueueError> {
        let mut swept = BulkResult {
            done: Receipt::default(),
            next: before,
        };
        loop {
            let began_ms = self.env.now_ms();
            let part = match self.failed_before(fits, swept.next, PAGE).await {
                Err(e) if !swept.done.ids.is_empty() => {
                    // Return the receipt, so that a worker is woken for the tasks enqueued so far.
                    self.env.log(&e.to_string());
                    return Ok(swept);
                }
                part => part?,
            };
            let next = part.next;
            for (i, failed) in part.failed {
                swept.next = Some(i + 1);
                if self.env.now_ms() >= end_ms && !swept.done.ids.is_empty() {
                    return Ok(swept);
                }
                match self.enqueue_again(failed, trace.clone(), began_ms).await {
                    Ok(Once::Created(receipt)) => swept.done.merge(receipt),
                    Ok(Once::Repeated(_)) => {}
                    Ok(Once::Differs | Once::Busy) => return Ok(swept),
                    // An unreadable task must not stop the others.
                    Err(e) if e.is_unreadable() => self.env.log(&e.to_string()),
                    Err(e) if swept.done.ids.is_empty() => return Err(e),
                    Err(e) => {
                        self.env.log(&e.to_string());
                        return Ok(swept);
                    }
                }
            }
            swept.next = next;
            if next.is_none() || self.env.now_ms() >= end_ms {
                return Ok(swept);
            }
        }
    }

    /// Enqueues or finds the retry of a failed task, for a request that began at this time. Removes
    /// the failed task from the list.
    async fn enqueue_again(
        &self,
        failed: Failed,
        trace: Option<Trace>,
        began_ms: u64,
    ) -> Result<Once, QueueError> {
        let task = &failed.task;
        let key = key(&failed.id, task);
        let new = TaskSpec {
            not_before_ms: None,
            expires_ms: None,
            trace,
            retry_of: Some(failed.id.clone()),
            occurrence: None,
            ..task.spec.clone()
        };
        let once = Idempotency::of(self)
            .enqueue_once_since(began_ms, new, &key)
            .await?;
        if matches!(once, Once::Created(_) | Once::Repeated(_)) {
            self.unlist(&[failed]).await?;
            self.in_time(began_ms)?;
        }
        Ok(once)
    }
}
