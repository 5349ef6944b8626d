//! Deleting what is final and no longer to be kept.

use crate::config::{RETENTION_DEFAULT_MS, RETENTION_MIN_MS};
use crate::record::{Slot, Task, decode_opt};
use crate::timer::{Entry, Inserted, OLD, What};
use crate::{Env, Queue, QueueError, Run, Store};

/// The most keys deleted in one call.
const DELETE_MAX: usize = 1_000;

/// What retention found in a slot.
enum Age {
    /// Nothing to keep: delete the task's keys.
    Over(Vec<String>),
    /// Not a task: only the slot's own keys.
    Bare,
    /// Keep it. Times are in milliseconds since 1970.
    Keep { enqueued_ms: u64, until_ms: u64 },
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Deletes from slot `cursor` on, up to `end` and at most `most`. Stops at the first task that is to be kept,
    /// unless it is kept for unusually long: then the timer sees to it, and those behind it need not wait. Returns the
    /// new cursor.
    pub(crate) async fn retain(
        &self,
        mut cursor: u64,
        end: u64,
        most: u64,
    ) -> Result<u64, QueueError> {
        let mut homes = Vec::new();
        let mut rest = Vec::new();
        let end = end.min(cursor + most);
        while cursor < end {
            match self.age(cursor).await? {
                Age::Over(keys) => {
                    homes.push(self.keys.slot(cursor));
                    rest.extend(keys);
                }
                Age::Bare => rest.extend([self.keys.slot(cursor), self.keys.handover(cursor)]),
                Age::Keep {
                    enqueued_ms,
                    until_ms,
                } => {
                    let now_ms = self.env.now_ms();
                    let young = enqueued_ms + RETENTION_DEFAULT_MS > now_ms;
                    if young || until_ms <= now_ms + RETENTION_MIN_MS {
                        break;
                    }
                    self.delete_later(cursor, until_ms).await?;
                }
            }
            cursor += 1;
        }
        self.delete(&homes, &rest).await?;
        Ok(cursor)
    }

    /// Deletes a task whose retention the timer says is over, or puts it off again.
    pub(crate) async fn delete_due(&self, task: u64) -> Result<(), QueueError> {
        match self.age(task).await? {
            Age::Over(keys) => self.delete(&[self.keys.slot(task)], &keys).await,
            Age::Bare => Ok(()),
            Age::Keep { until_ms, .. } => self.delete_later(task, until_ms).await,
        }
    }

    async fn delete_later(&self, task: u64, at_ms: u64) -> Result<(), QueueError> {
        let what = What::Delete;
        let entry = Entry {
            task,
            epoch: 0,
            what,
        };
        // A time that is passed already: the next turn of the wheel is early enough.
        let at_ms = at_ms.max(self.env.now_ms() + 60_000);
        match self.timer_insert(OLD, at_ms, &entry).await? {
            Inserted::Scheduled => Ok(()),
            Inserted::Due => Err(QueueError::TooLate),
        }
    }

    /// The home goes first and alone: who finds it gone knows that the task is, and starts nothing.
    async fn delete(&self, homes: &[String], rest: &[String]) -> Result<(), QueueError> {
        for keys in homes.chunks(DELETE_MAX).chain(rest.chunks(DELETE_MAX)) {
            self.store.delete_many(keys).await?;
        }
        Ok(())
    }

    async fn age(&self, slot: u64) -> Result<Age, QueueError> {
        let home = self.keys.slot(slot);
        let Some(Slot::Task(task)) = decode_opt(&home, self.store.get(&home).await?)? else {
            return Ok(Age::Bare);
        };
        let id = crate::TaskId::new(self.name(), slot, &task.nonce);
        let Some(run) = self.final_run(&id).await? else {
            // Not final: look again when it might be.
            let until_ms = self.env.now_ms() + task.retention_ms;
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        };
        let until_ms = self.ended_ms(slot, &task, &run).await? + task.retention_ms;
        if until_ms > self.env.now_ms() {
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        }
        Ok(Age::Over(self.task_keys(slot).await?))
    }

    /// When a task became final. A cancelled one has no time of its own: it counts from the last request to cancel it.
    async fn ended_ms(&self, slot: u64, task: &Task, run: &Run) -> Result<u64, QueueError> {
        if let Some(ended_ms) = run.ended_ms() {
            return Ok(ended_ms);
        }
        let key = self.keys.cancel(slot);
        let asked_ms: Option<u64> = decode_opt(&key, self.store.get(&key).await?)?;
        Ok(asked_ms.unwrap_or(task.enqueued_ms))
    }

    /// All keys of a task besides its home.
    async fn task_keys(&self, slot: u64) -> Result<Vec<String>, QueueError> {
        let latest = self.latest_epoch(slot).await?;
        let mut keys = vec![
            self.keys.handover(slot),
            self.keys.result(slot),
            self.keys.cancel(slot),
        ];
        keys.extend((0..=latest).map(|e| self.keys.run(slot, e)));
        keys.extend((1..=latest).map(|e| self.keys.claim(slot, e)));
        Ok(keys)
    }
}
