//! Retention: deleting final tasks whose retention is over. `lanes` moves its cursors, `pass` calls
//! the deletes.

use crate::base::config::{RETENTION_DEFAULT_MS, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::model::slot::Slot;
use crate::progress::deletes::PendingDeletes;
use crate::rescue::Rescue;
use crate::runs::action::RescueAction;
use crate::runs::read::Runs;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::decode_opt;
use crate::timer::entry::EntryKind;
use crate::timer::insert::Timer;
use crate::workflow::gather::Workflows;

mechanism!(
    /// Finding and deleting what is over.
    Retention
);

/// The content of a slot, as retention sees it.
enum Age {
    /// A task that is over. Its latest claimed epoch, and further keys to delete.
    Over(u64, Vec<String>),
    /// No task: only the slot's own keys remain.
    Bare,
    /// Nothing was ever written. A filler may still write the home of a task with an idempotency
    /// key, so only the hand-over counter goes.
    Empty,
    /// A broken record is in the way.
    Unreadable,
    /// A newer version's record is in the way.
    Newer,
    /// Something to keep. Times are in milliseconds since 1970.
    Keep { enqueued_ms: u64, until_ms: u64 },
}

impl<S: Store, E: Env> Retention<'_, S, E> {
    /// Collects what to delete from slot `cursor` up to `end`. It stops at the first task to keep,
    /// and returns until when. A task that stays unusually long gets a timer entry instead, so the
    /// tasks behind it need not wait.
    pub(crate) async fn retain(
        &self,
        cursor: &mut u64,
        end: u64,
        pending: &mut PendingDeletes,
    ) -> Result<Option<u64>, QueueError> {
        let began_ms = self.env.now_ms();
        while *cursor < end && !self.is_over(began_ms) {
            match self.age(*cursor).await? {
                Age::Over(latest, others) => pending.add(*cursor, latest, others),
                Age::Bare => {
                    let keys = [self.keys.slot(*cursor), self.keys.handover(*cursor)];
                    pending.keys.extend(keys);
                }
                Age::Empty => pending.keys.push(self.keys.handover(*cursor)),
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
                    Timer::of(self).delete_later(*cursor, until_ms).await?;
                }
            }
            *cursor += 1;
        }
        Ok(None)
    }

    /// Acts on a timer entry "delete": the task goes, or gets another entry.
    pub(crate) async fn age_due(
        &self,
        task: u64,
        pending: &mut PendingDeletes,
    ) -> Result<(), QueueError> {
        match self.age(task).await? {
            Age::Over(latest, others) => pending.add(task, latest, others),
            Age::Bare | Age::Empty | Age::Unreadable => {}
            Age::Newer => self.delete_newer_later(task).await?,
            Age::Keep { until_ms, .. } => Timer::of(self).delete_later(task, until_ms).await?,
        }
        Ok(())
    }

    async fn delete_newer_later(&self, task: u64) -> Result<(), QueueError> {
        let at_ms = self.env.now_ms() + RETENTION_DEFAULT_MS;
        Timer::of(self).delete_later(task, at_ms).await
    }

    /// Executes the pending deletes of an earlier pass. The homes go first and alone: a claimer
    /// that finds no home starts nothing.
    pub(crate) async fn delete(&self, pending: &PendingDeletes) -> Result<(), QueueError> {
        let homes: Vec<_> = pending.tasks().map(|t| self.keys.slot(t.0)).collect();
        if enabled(Guard::DeleteHomeFirst) {
            self.delete_keys(&homes).await?;
        }
        let mut rest = pending.keys.clone();
        for (slot, latest) in pending.tasks() {
            rest.extend(self.task_keys(slot, latest).await?);
        }
        self.delete_keys(&rest).await?;
        if !enabled(Guard::DeleteHomeFirst) {
            self.delete_keys(&homes).await?;
        }
        Ok(())
    }

    async fn age(&self, slot: u64) -> Result<Age, QueueError> {
        match self.age_readable(slot).await {
            // The record stays, and the slots behind it need not wait.
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
        let id = TaskId::new(self.name(), slot, &task.nonce);
        let Some((run, at_once)) = Runs::of(self).final_record(&id).await? else {
            // The task may have no delivery although rescue passed its slot: its enqueuer filled
            // the slot only afterwards, and died before it acknowledged.
            let action = match enabled(Guard::PassOldTasks) {
                true => Rescue::of(self).pass_old_task(slot, &task).await?,
                false => Rescue::of(self).pass_task(slot, &task, 0).await?,
            };
            let acts = matches!(
                action,
                RescueAction::Announce(..) | RescueAction::Later(_, _, EntryKind::LookAgain, _)
            );
            // In a paused queue every pass would announce it again.
            if acts
                && !Slots::of(self)
                    .is_paused(Slots::of(self).head().await?.pausable)
                    .await?
            {
                Rescue::of(self).apply(&[action], None).await?;
            }
            // Look at a task that is not final when it may be, but not so soon that the slots
            // behind it would wait for it.
            let until_ms = self.env.now_ms() + task.retention_ms.max(2 * RETENTION_MIN_MS);
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        };
        let ended_ms = Runs::of(self).ended_ms(slot, &task, &run, at_once).await?;
        let key_ms = task
            .kept_until_ms
            .filter(|_| enabled(Guard::KeepWhileKeyed));
        let until_ms = (ended_ms + task.retention_ms).max(key_ms.unwrap_or(0));
        if until_ms > self.env.now_ms() {
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        }
        if let Some(until_ms) = Workflows::of(self).member_until_ms(&task).await? {
            let enqueued_ms = task.enqueued_ms;
            return Ok(Age::Keep {
                enqueued_ms,
                until_ms,
            });
        }
        let latest = match at_once {
            true => 0,
            false => Runs::of(self).latest_epoch(slot).await?,
        };
        let mut others = Workflows::of(self).workflow_keys(slot, &task);
        others.extend(run.listed().map(|i| self.keys.failure(i)));
        Ok(Age::Over(latest, others))
    }

    /// Examines a slot without a record. Either it was never filled, or a keeper deleted the home,
    /// died, and an older progress replaced its note. In the second case claims or runs of the task
    /// are left.
    async fn age_empty(&self, slot: u64) -> Result<Age, QueueError> {
        let latest = Runs::of(self).latest_epoch(slot).await?;
        let ran = latest > 0 || self.store.get(&self.keys.run(slot, 0)).await?.is_some();
        Ok(if ran {
            Age::Over(latest, Vec::new())
        } else {
            Age::Empty
        })
    }

    /// All keys of a task besides its home. A stale announcement may have been claimed after
    /// `latest` was read. No epoch is claimed once the home is gone.
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
