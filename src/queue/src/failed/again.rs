//! Retrying failed tasks. A failed task stays as it is; what it did not do a new one does.

use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::failed::list::{Failed, FailedList, Standing};
use crate::failed::page::BulkResult;
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{IdempotencyKey, Once};
use crate::model::receipt::Receipt;
use crate::model::state::State;
use crate::model::task::{TaskSpec, Trace};
use crate::runs::view::Views;
use crate::store::contract::Store;
use crate::store::error::QueueError;

/// So many are looked at together.
const PAGE: usize = 20;

/// A retry's key outlives the time in which it may be asked for: that counts from when the task failed, by another one's
/// clock, and a request may take 30 s.
const KEY_SLACK_MS: u64 = 60_000;

/// What became of a request to retry a task.
#[derive(Debug)]
pub enum Retried {
    /// This request is the first: its task was enqueued.
    Created(Receipt),
    /// An earlier one was: this is its task, as it was enqueued.
    Repeated(Receipt),
    /// Others are asking for it at this moment, and it was not decided in time whose task it is.
    Busy,
    /// It did not fail.
    NotFailed(State),
    /// It failed, but its retention is over: it is kept for its idempotency key only.
    Over,
    /// There is no such task.
    Unknown,
}

impl<S: Store, E: Env> FailedList<'_, S, E> {
    /// Enqueues a failed task anew, once: however often this is repeated, there is one new task. The old one is off the
    /// list then, and stays readable until its retention is over.
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
                    // Whoever uses the key means the same.
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

    /// Retries all that failed before number `before`, those that failed last first, until `end_ms`. Returns the receipts of
    /// the tasks that it enqueued, as one. Two of these at once share the work.
    pub(crate) async fn retry_failed(
        &self,
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
            let part = match self.failed_before(swept.next, PAGE).await {
                Err(e) if !swept.done.ids.is_empty() => {
                    // Somebody must be woken for what was enqueued.
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
                    // It must not keep those behind it.
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

    /// What stands for a failed task that was found in a request which began at this time, and takes that task off the list.
    async fn enqueue_again(
        &self,
        failed: Failed,
        trace: Option<Trace>,
        began_ms: u64,
    ) -> Result<Once, QueueError> {
        let task = &failed.task;
        // As long as the failed task may be retried, this one is kept: asked for in between, it is found.
        let ttl_ms = task.retention_ms + KEY_SLACK_MS;
        let key = IdempotencyKey::internal(&format!("retry:{}", failed.id), ttl_ms);
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
