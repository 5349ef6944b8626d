//! Deleting what is final and no longer to be kept.

use crate::config::{RETENTION_DEFAULT_MS, RETENTION_MIN_MS};
use crate::guard::{Guard, holds};
use crate::record::{Slot, Sound, Task, decode_opt, encode, is_epoch, is_slot};
use crate::rescue::Finding;
use crate::timer::{Entry, Inserted, OLD, What};
use crate::{Env, Queue, QueueError, Run, Store, StoreError};
use serde::{Deserialize, Serialize};

/// No pass finds more tasks side by side.
const DOOMED_MAX: u64 = 100_000;
/// The most keys deleted in one call.
const DELETE_MAX: usize = 1_000;

/// What is to be deleted. The keeper stores it before it is: should it die at it, the next one repeats it whole.
/// Looking again would not do: what is left of a task whose home is gone can't be told from a bare slot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Doomed {
    /// Tasks as (first slot, how many slots from there, their latest epoch).
    tasks: Vec<(u64, u64, u64)>,
    /// Other keys.
    pub(crate) keys: Vec<String>,
}

impl Sound for Doomed {
    fn is_sound(&self) -> bool {
        let sound = |&(first, count, latest): &(u64, u64, u64)| {
            is_slot(first) && count <= DOOMED_MAX && is_epoch(latest)
        };
        self.tasks.iter().all(sound)
    }
}

impl Doomed {
    /// Most tasks lie side by side and have no later epoch, so that thousands of them take little room.
    fn push(&mut self, slot: u64, latest: u64) {
        match self.tasks.last_mut() {
            Some((first, count, same)) if *first + *count == slot && *same == latest => *count += 1,
            _ => self.tasks.push((slot, 1, latest)),
        }
    }

    /// The same, with other keys. Members of a workflow have one in common.
    fn add(&mut self, slot: u64, latest: u64, others: Vec<String>) {
        self.push(slot, latest);
        self.keys.extend(others);
        self.keys.dedup();
    }

    /// (slot, latest epoch) of each task.
    fn tasks(&self) -> impl Iterator<Item = (u64, u64)> {
        self.tasks
            .iter()
            .flat_map(|&(first, count, latest)| (first..first + count).map(move |t| (t, latest)))
    }
}

/// What retention found in a slot.
enum Age {
    /// Nothing to keep: delete the task, which was claimed up to this epoch, and these keys that it has besides.
    Over(u64, Vec<String>),
    /// Not a task: only the slot's own keys.
    Bare,
    /// Nothing was ever written. Something may be yet, if the slot was taken for a task with an idempotency key: it must
    /// not be deleted for what is known now.
    Empty,
    /// A record in the way is broken.
    Unreadable,
    /// A record in the way is a newer version's.
    Newer,
    /// Keep it. Times are in milliseconds since 1970.
    Keep { enqueued_ms: u64, until_ms: u64 },
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Finds what to delete from slot `cursor` on, up to `end`. Stops at the first task that is to be kept, and says until
    /// when, unless it is kept for unusually long: then the timer sees to it, and those behind it need not wait.
    pub(crate) async fn retain(
        &self,
        cursor: &mut u64,
        end: u64,
        doomed: &mut Doomed,
    ) -> Result<Option<u64>, QueueError> {
        let began_ms = self.env.now_ms();
        while *cursor < end && !self.is_over(began_ms) {
            match self.age(*cursor).await? {
                Age::Over(latest, others) => doomed.add(*cursor, latest, others),
                Age::Bare => {
                    let keys = [self.keys.slot(*cursor), self.keys.handover(*cursor)];
                    doomed.keys.extend(keys);
                }
                Age::Empty => doomed.keys.push(self.keys.handover(*cursor)),
                Age::Unreadable => {}
                Age::Newer => self.delete_newer_later(*cursor).await?,
                Age::Keep {
                    enqueued_ms,
                    until_ms,
                } => {
                    let now_ms = self.env.now_ms();
                    let young = enqueued_ms + RETENTION_DEFAULT_MS > now_ms;
                    if young || until_ms <= now_ms + RETENTION_MIN_MS {
                        return Ok(Some(until_ms));
                    }
                    self.delete_later(*cursor, until_ms).await?;
                }
            }
            *cursor += 1;
        }
        Ok(None)
    }

    /// Looks at a task whose retention the timer says is over: it goes, or is put off again.
    pub(crate) async fn age_due(&self, task: u64, doomed: &mut Doomed) -> Result<(), QueueError> {
        match self.age(task).await? {
            Age::Over(latest, others) => doomed.add(task, latest, others),
            Age::Bare | Age::Empty | Age::Unreadable => {}
            Age::Newer => self.delete_newer_later(task).await?,
            Age::Keep { until_ms, .. } => self.delete_later(task, until_ms).await?,
        }
        Ok(())
    }

    async fn delete_newer_later(&self, task: u64) -> Result<(), QueueError> {
        let at_ms = self.env.now_ms() + RETENTION_DEFAULT_MS;
        self.delete_later(task, at_ms).await
    }

    pub(crate) async fn delete_later(&self, task: u64, at_ms: u64) -> Result<(), QueueError> {
        let entry = Entry::new(task, 0, What::Delete);
        // A time that is passed already: the next turn of the wheel is early enough.
        let at_ms = at_ms.max(self.env.now_ms() + 60_000);
        match self.timer_insert(OLD, at_ms, &entry).await? {
            Inserted::Scheduled => Ok(()),
            Inserted::Due => Err(QueueError::TooLate),
        }
    }

    /// Deletes what an earlier pass found. The homes go first and alone: who finds one gone knows that the task is,
    /// and starts nothing.
    pub(crate) async fn delete(&self, doomed: &Doomed) -> Result<(), QueueError> {
        let homes: Vec<_> = doomed.tasks().map(|t| self.keys.slot(t.0)).collect();
        if holds(Guard::DeleteHomeFirst) {
            self.delete_keys(&homes).await?;
        }
        let mut rest = doomed.keys.clone();
        for (slot, latest) in doomed.tasks() {
            rest.extend(self.task_keys(slot, latest).await?);
        }
        self.delete_keys(&rest).await?;
        if !holds(Guard::DeleteHomeFirst) {
            self.delete_keys(&homes).await?;
        }
        Ok(())
    }

    pub(crate) async fn delete_keys(&self, keys: &[String]) -> Result<(), QueueError> {
        for keys in keys.chunks(DELETE_MAX) {
            self.store.delete_many(keys).await?;
        }
        Ok(())
    }

    async fn age(&self, slot: u64) -> Result<Age, QueueError> {
        match self.age_readable(slot).await {
            // It stays, and those behind it need not wait.
            Err(e) if e.is_unreadable() => {
                self.env.log(&e.to_string());
                let newer = matches!(e, QueueError::Newer { .. });
                Ok(if newer { Age::Newer } else { Age::Unreadable })
            }
            other => other,
        }
    }

    async fn age_readable(&self, slot: u64) -> Result<Age, QueueError> {
        let home = self.keys.slot(slot);
        let task = match decode_opt(&home, self.store.get(&home).await?)? {
            Some(Slot::Task(task)) => task,
            Some(_) => return Ok(Age::Bare),
            None => return self.age_empty(slot).await,
        };
        let id = crate::TaskId::new(self.name(), slot, &task.nonce);
        let Some((run, at_once)) = self.final_record(&id).await? else {
            // Rescue has passed it, and still it may wait for nobody: its enqueuer filled the slot only then, and died before
            // it acknowledged.
            let finding = self.pass_task(slot, &task, 0).await?;
            // In a paused queue it would be announced again each time.
            if matches!(finding, Finding::Announce(..))
                && !self.is_paused(self.head().await?.pausable).await?
            {
                self.act(&[finding], None).await?;
            }
            // Not final: look again when it might be, and not so soon that those behind it would wait for it.
            let until_ms = self.env.now_ms() + task.retention_ms.max(2 * RETENTION_MIN_MS);
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        };
        let ended_ms = self.ended_ms(slot, &task, &run, at_once).await?;
        let key_ms = task.kept_until_ms.filter(|_| holds(Guard::KeepWhileKeyed));
        let until_ms = (ended_ms + task.retention_ms).max(key_ms.unwrap_or(0));
        if until_ms > self.env.now_ms() {
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        }
        if let Some(until_ms) = self.member_until_ms(&task).await? {
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        }
        let latest = match at_once {
            true => 0,
            false => self.latest_epoch(slot).await?,
        };
        let mut others = self.workflow_keys(slot, &task);
        others.extend(run.listed().map(|i| self.keys.failure(i)));
        Ok(Age::Over(latest, others))
    }

    /// A slot without a record: never filled; or a keeper took the home away, died, and its note was overwritten by one that was
    /// there before. Then something of the task is left.
    async fn age_empty(&self, slot: u64) -> Result<Age, QueueError> {
        let latest = self.latest_epoch(slot).await?;
        let ran = latest > 0 || self.store.get(&self.keys.run(slot, 0)).await?.is_some();
        Ok(if ran {
            Age::Over(latest, Vec::new())
        } else {
            Age::Empty
        })
    }

    /// When everybody could first see that a task is final. A cancelled one has no time of its own: it counts from the last
    /// request to cancel it; and what was decided for the dead counts from then.
    pub(crate) async fn ended_ms(
        &self,
        slot: u64,
        task: &Task,
        run: &Run,
        at_once: bool,
    ) -> Result<u64, QueueError> {
        let ended_ms = run.ended_ms();
        if let Some(ended_ms) = ended_ms.filter(|_| at_once) {
            return Ok(ended_ms);
        }
        let key = self.keys.cancel(slot);
        let noted_ms: Option<u64> = decode_opt(&key, self.store.get(&key).await?)?;
        Ok(ended_ms.max(noted_ms).unwrap_or(task.enqueued_ms))
    }

    /// Decides a task whose end is not its owner's to tell, or can be seen only now. The outcome first: whoever comes later adopts it,
    /// whatever the note looks like. Then when: retention counts from here.
    pub(crate) async fn decide_late(
        &self,
        slot: u64,
        epoch: u64,
        run: &Run,
    ) -> Result<(), QueueError> {
        let bytes = encode(run);
        self.store.set(&self.keys.run(slot, epoch), &bytes).await?;
        self.publish_late(slot, epoch, &bytes).await
    }

    /// The second half of that, unless another decides: whoever runs the task then would take the note for a request to cancel it.
    pub(crate) async fn publish_late(
        &self,
        slot: u64,
        epoch: u64,
        bytes: &[u8],
    ) -> Result<(), QueueError> {
        if self.is_overtaken(slot, epoch).await? {
            return Ok(());
        }
        self.note_late_end(slot).await?;
        Ok(self.store.set(&self.keys.result(slot), bytes).await?)
    }

    /// Notes that a task's end can be seen only now, before it can be: its retention counts from here.
    async fn note_late_end(&self, slot: u64) -> Result<(), StoreError> {
        let now_ms = self.env.now_ms();
        self.store
            .set(&self.keys.cancel(slot), &encode(&now_ms))
            .await
    }

    /// All keys of a task besides its home. A stale announcement may have been claimed after `latest` was found, but
    /// none is once the home is gone.
    async fn task_keys(&self, slot: u64, mut latest: u64) -> Result<Vec<String>, QueueError> {
        let claimed = |e| self.keys.claim(slot, e);
        while self.store.counter(&claimed(latest + 1)).await? > 0 {
            latest += 1;
        }
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
