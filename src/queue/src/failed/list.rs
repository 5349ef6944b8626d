//! The failed list, and how a task relates to it.

use crate::base::config::{LISTED_MAX, PAGE_BYTES, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::model::run::{Run, RunState};
use crate::model::task::{Failure, Fits, Task};
use crate::progress::record::KeeperRecord;
use crate::runs::read::Runs;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{decode, encode};

mechanism!(
    /// The failed list.
    FailedList
);

/// An entry is written this soon after its number was taken, or under another number. The keeper
/// passes numbers after an hour.
const LISTED_IN_MS: u64 = RETENTION_MIN_MS / 2;

/// So many entries are read in one call.
pub(crate) const CHUNK_MAX: usize = 100;

/// A failed task.
pub(crate) struct Failed {
    pub(crate) id: TaskId,
    pub(crate) task: Task,
    pub(crate) run: Run,
    /// When its retention is over. An idempotency key may keep the task longer.
    pub(crate) until_ms: u64,
}

impl Failed {
    fn failure(&self) -> Failure<'_> {
        let last = self.run.errors.last();
        Failure {
            error: last.map(|last| last.error.as_str()).unwrap_or_default(),
            at_ms: self.until_ms.saturating_sub(self.task.retention_ms),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        let checkpoint = self.run.checkpoint.as_ref().map_or(0, Json::bytes);
        let errors = self.run.errors.iter().map(|e| e.error.len() as u64);
        self.task.args.bytes() + checkpoint + errors.sum::<u64>()
    }
}

/// A part of the list.
pub(crate) struct Part {
    /// The tasks and their numbers.
    pub(crate) failed: Vec<(u64, Failed)>,
    pub(crate) unreadable: Vec<(Option<TaskId>, QueueError)>,
    /// The number from which to go on.
    pub(crate) next: Option<u64>,
}

/// How a task relates to the failed list.
pub(crate) enum Standing {
    Failed(Box<Failed>),
    /// The task is open, or ended otherwise.
    Not(Box<Task>, Option<Box<Run>>),
    Unknown,
}

impl<S: Store, E: Env> FailedList<'_, S, E> {
    /// Enters a task that is about to fail, and returns its number.
    pub(crate) async fn list_failed(&self, id: &TaskId) -> Result<u64, QueueError> {
        loop {
            let began_ms = self.env.now_ms();
            let i = self.store.increment(&self.keys.failures(), 1).await?;
            if enabled(Guard::ListBeforeOutcome) {
                self.enter_failed(i, id).await?;
            }
            if self.env.now_ms().saturating_sub(began_ms) < LISTED_IN_MS {
                return Ok(i);
            }
            // This instance stalled so long that the keeper may have passed the number. No pass
            // would delete the entry.
            self.store.delete_many(&[self.keys.failure(i)]).await?;
        }
    }

    pub(crate) async fn enter_failed(&self, i: u64, id: &TaskId) -> Result<(), QueueError> {
        Ok(self.store.set(&self.keys.failure(i), &encode(id)).await?)
    }

    /// Counts the entries of the list. Of the last 1,000 numbers, for more would take too many
    /// reads.
    pub(crate) async fn count(&self) -> Result<u64, QueueError> {
        let first = KeeperRecord::of(self).first_failure().await?;
        let last = self.store.counter(&self.keys.failures()).await?;
        let first = first.max(last.saturating_sub(LISTED_MAX - 1));
        let keys: Vec<_> = (first..=last).map(|i| self.keys.failure(i)).collect();
        let mut count = 0;
        for keys in keys.chunks(CHUNK_MAX) {
            let values = self.store.get_many(keys).await?;
            count += values.iter().flatten().count() as u64;
        }
        Ok(count)
    }

    /// Reads failed tasks that fit, with their numbers. Retried and discarded tasks leave empty
    /// places.
    pub(crate) async fn failed_before(
        &self,
        fits: Fits<'_>,
        before: Option<u64>,
        most: usize,
    ) -> Result<Part, QueueError> {
        let first = KeeperRecord::of(self).first_failure().await?;
        let count = self.store.counter(&self.keys.failures()).await?;
        let mut end = before.map_or(count + 1, |before| before.min(count + 1));
        let stop = end.saturating_sub(LISTED_MAX).max(first);
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
                    Ok(Some(failed))
                        if failed.until_ms > self.env.now_ms()
                            && fits(&failed.id, &failed.task, Some(failed.failure())) =>
                    {
                        bytes += failed.bytes();
                        found.push((i, failed));
                    }
                    Ok(_) => {}
                    // An unreadable task must not hide the others.
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

    /// Returns the failed task of number `i`, if that entry counts.
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

    pub(crate) fn entry_id(&self, key: &str, entry: &[u8]) -> Result<TaskId, QueueError> {
        let id: TaskId = decode(key, entry)?;
        if id.queue() == self.name() {
            return Ok(id);
        }
        Err(QueueError::Record {
            key: key.to_owned(),
            reason: format!("{id} is not in this queue"),
        })
    }

    pub(crate) async fn standing(&self, id: &TaskId) -> Result<Standing, QueueError> {
        let found = Runs::of(self).final_record(id).await?;
        let Some(task) = Runs::of(self).home(id).await? else {
            return Ok(Standing::Unknown);
        };
        let (run, at_once) = match found {
            Some((run, at_once)) if matches!(run.state, RunState::Failed { .. }) => (run, at_once),
            other => {
                let run = other.map(|(run, _)| Box::new(run));
                return Ok(Standing::Not(Box::new(task), run));
            }
        };
        let ended_ms = Runs::of(self)
            .ended_ms(id.slot(), &task, &run, at_once)
            .await?;
        Ok(Standing::Failed(Box::new(Failed {
            until_ms: ended_ms + task.retention_ms,
            id: id.clone(),
            task,
            run,
        })))
    }

    pub(crate) async fn unlist(&self, failed: &[Failed]) -> Result<(), QueueError> {
        let numbers = failed.iter().filter_map(|failed| failed.run.listed());
        let keys: Vec<_> = numbers.map(|i| self.keys.failure(i)).collect();
        if !keys.is_empty() {
            self.store.delete_many(&keys).await?;
        }
        Ok(())
    }
}
