//! Firing a schedule: a timer entry stands for all occurrences of a version after a time.
//!
//! If a step fails, everything is done again, and another keeper may do it at once. So the next
//! entry is inserted before the progress is noted. Two entries for the same time become one: the
//! first to be handled notes the progress.

use crate::base::config::{ACKNOWLEDGE_MS, CLOCK_SLACK_MS, KEY_TTL_MAX_MS, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::base::limits::WorkerLimits;
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{IdempotencyKey, Once};
use crate::limits::wake::Wakes;
use crate::model::task::{Occurrence, TaskSpec};
use crate::runs::view::{TaskStatus, Views};
use crate::schedule::records::{Fired, Scheduler, Version};
use crate::schedule::spec::Overlap;
use crate::schedule::table::FAILED_MAX;
use crate::store::contract::Store;
use crate::store::core::Core;
use crate::store::error::QueueError;
use crate::store::record::encode;
use crate::timer::entry::{DUE, Entry, EntryKind, Inserted};
use crate::timer::insert::Timer;

/// So many occurrences are enqueued at once. The others wait for the next second.
const AT_ONCE_MAX: usize = 10;

/// An entry is handled at least this often, without an occurrence too. So what was deleted need not
/// be remembered for longer.
pub(crate) const LOOK_AGAIN_MS: u64 = 86_400_000;

/// Missed occurrences of a schedule that get no task.
pub(crate) struct Skipped {
    pub(crate) schedule: String,
    pub(crate) count: u64,
}

/// Makes the entry for all occurrences of a version after this time.
pub(crate) fn entry(number: u64, after_ms: u64, fired: &Fired) -> Entry {
    Entry {
        name: fired.last.as_ref().map(|last| last.1.clone()),
        ..Entry::new(number, after_ms, EntryKind::Fire)
    }
}

impl<S: Store, E: Env> Scheduler<'_, S, E> {
    /// Handles a due entry of a schedule, or enters it again. It takes so many calls that on a
    /// store that fails now and then the other entries of its second would wait for long. Returns
    /// the missed occurrences that get no task.
    pub(crate) async fn handle_entry(&self, due: &Entry) -> Result<Option<Skipped>, QueueError> {
        let handled = match due.what {
            EntryKind::Tidy => self.tidy(due).await.map(|()| None),
            _ => self.fire(due).await,
        };
        let e = match handled {
            Ok(skipped) => return Ok(skipped),
            Err(e) => e,
        };
        self.env.log(&e.to_string());
        if e.is_unreadable() {
            // Try again later: the record may become readable, or its time passes.
            Timer::of(self).defer(&encode(due)).await?;
        } else {
            self.enter(due, self.env.now_ms() + 1_000).await?;
        }
        Ok(None)
    }

    /// Inserts an entry at this time, or as soon afterwards as the wheel takes it.
    pub(crate) async fn enter(&self, entry: &Entry, mut at_ms: u64) -> Result<(), QueueError> {
        at_ms = at_ms.max(self.env.now_ms());
        while Timer::of(self).insert(DUE, at_ms, entry).await? == Inserted::Due {
            at_ms = (at_ms + 1_000).max(self.env.now_ms());
        }
        Ok(())
    }

    /// Inserts an entry for a version that may have none any more.
    pub(crate) async fn revive(&self, number: u64) -> Result<(), QueueError> {
        let Some(version) = self.version(number).await? else {
            return Ok(());
        };
        let fired = self.fired(number).await?;
        let after_ms = fired.passed_ms.max(version.since_ms());
        let at_ms = self.occurs_after(&version, after_ms).unwrap_or(0);
        self.enter(&entry(number, after_ms, &fired), at_ms).await
    }

    async fn fire(&self, due: &Entry) -> Result<Option<Skipped>, QueueError> {
        let (number, from_ms) = (due.task, due.epoch);
        let Some(version) = self.version(number).await? else {
            return Ok(None);
        };
        let mut fired = self.fired(number).await?;
        if fired.passed_ms > from_ms {
            // Another entry for the same time was handled.
            return Ok(None);
        }
        let name = &version.schedule.name;
        let now_ms = self.env.now_ms();
        if self.table().await?.names.get(name) != Some(&number)
            && self.agreed_names().await?.get(name) != Some(&number)
        {
            let early = now_ms < version.since_ms() + ACKNOWLEDGE_MS + CLOCK_SLACK_MS;
            if early && enabled(Guard::WaitForChange) {
                // Its putter may not have written the table yet.
                self.enter(due, now_ms + 1_000).await?;
                return Ok(None);
            }
            self.tidy_later(number, number).await?;
            return Ok(None);
        }
        let mut after_ms = match version.paused {
            // Nothing occurs until now. Without progress two entries would never become one.
            true => from_ms.max(now_ms),
            false => self.past_missed(&version, from_ms, now_ms),
        };
        let count = self.occurrences(&version, from_ms, after_ms);
        let skipped = (count > 0).then(|| Skipped {
            schedule: name.clone(),
            count,
        });
        // Use the entry's last task, since the note may be older.
        let mut before = due.name.clone();
        for _ in 0..AT_ONCE_MAX {
            let next_ms = self.occurs_after(&version, after_ms);
            let Some(at_ms) = next_ms.filter(|at_ms| *at_ms <= now_ms) else {
                break;
            };
            // The version before this one may have fired already, by a clock ahead of the putter's.
            let known = fired.last.as_ref().is_some_and(|last| last.0 == at_ms);
            if !known && let Some(id) = self.occur(&version, at_ms, before.as_deref()).await? {
                let id = id.to_string();
                before = Some(id.clone());
                fired.last = Some((at_ms, id));
            }
            after_ms = at_ms;
        }
        fired.passed_ms = after_ms;
        let record = encode(&fired);
        if !enabled(Guard::NextBeforeNoting) {
            self.store.set(&self.keys.fired(number), &record).await?;
        }
        let latest_ms = now_ms + LOOK_AGAIN_MS;
        let next_ms = self.occurs_after(&version, after_ms);
        let next_ms = next_ms.map_or(latest_ms, |ms| ms.clamp(now_ms + 1, latest_ms));
        let next = Entry {
            name: before,
            ..entry(number, after_ms, &fired)
        };
        self.enter(&next, next_ms).await?;
        if after_ms > from_ms {
            self.store.set(&self.keys.fired(number), &record).await?;
        }
        Ok(skipped)
    }

    /// Enqueues the task of an occurrence, or finds it. Returns `None` if the policy `overlap`
    /// skips it.
    async fn occur(
        &self,
        version: &Version,
        at_ms: u64,
        before: Option<&str>,
    ) -> Result<Option<TaskId>, QueueError> {
        let schedule = &version.schedule;
        let queue = Core::new(&schedule.queue, &self.store, &self.env)?;
        let before = before.and_then(|id| id.parse().ok());
        if let (Overlap::Skip, Some(before)) = (schedule.overlap, before)
            && Views::of(&queue).status(&before).await? == TaskStatus::Open
        {
            return Ok(None);
        }
        let expires_ms = schedule.expires_after_ms.map(|ms| self.env.now_ms() + ms);
        let task = TaskSpec {
            expires_ms,
            occurrence: Some(Occurrence {
                schedule: schedule.name.clone(),
                at_ms,
            }),
            ..schedule.task.clone()
        };
        let known_ms = self.asked_until(version, at_ms, KEY_TTL_MAX_MS) - at_ms;
        let ttl_ms = (known_ms + RETENTION_MIN_MS).min(KEY_TTL_MAX_MS);
        let name = format!("schedule:{}:{at_ms}", schedule.name);
        let key = IdempotencyKey::of_event(&name, ttl_ms);
        let receipt = match Idempotency::of(&queue).enqueue_once(task, &key).await? {
            Once::Created(receipt) | Once::Repeated(receipt) => receipt,
            Once::Differs | Once::Busy => return Err(QueueError::TooLate),
        };
        if schedule.queue != self.name() {
            // The keeper of this queue notices the task by itself.
            let workers_max = || WorkerLimits::default().workers_max;
            Wakes::of(&queue).wake_for(&receipt, workers_max).await?;
        }
        Ok(receipt.ids.into_iter().next())
    }

    /// Deletes what a change left and does not count. A version that counts gets a timer entry, in
    /// case it was given up because its putter came so late.
    async fn tidy(&self, entry: &Entry) -> Result<(), QueueError> {
        let table = self.table().await?;
        let from = entry
            .epoch
            .max(entry.task.saturating_sub(FAILED_MAX))
            .max(1);
        let passed = from..table.number.min(entry.task + 1);
        let mut keys: Vec<_> = passed.map(|number| self.keys.table(number)).collect();
        if table.names.values().any(|&number| number == entry.task) {
            self.revive(entry.task).await?;
        } else {
            keys.push(self.keys.schedule(entry.task));
            keys.push(self.keys.fired(entry.task));
        }
        self.delete_keys(&keys).await
    }
}
