//! Schedules: tasks that are enqueued again and again, by an interval or a cron expression.
//!
//! All schedules of a deployment are in one queue, whose keeper fires them, into any queue. Each put makes a *version*, a
//! record that never changes. Which versions count is in a table (`table`). Every version has an entry in the timer's wheel
//! at its next occurrence, and whoever sees to that enters the one after it (`fire`). An occurrence is an idempotency key,
//! so that there is one task however many see to it.

mod fire;
mod rule;
mod table;

pub use rule::{Cron, Rule};

use crate::config::SCHEDULES_MAX;
use crate::record::{Sound, decode_opt, encode, is_time};
use crate::{Env, NewTask, Queue, QueueError, Receipt, Store, TaskId};
use serde::{Deserialize, Serialize};

/// What becomes of an occurrence while the task of the one before is not final.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is enqueued all the same.
    #[default]
    Queue,
    /// It is left out.
    Skip,
}

/// What becomes of occurrences that nobody was there for: that were found later than [`crate::MISSED_MS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// The latest is made up for.
    #[default]
    Latest,
    /// The latest [`crate::MISSED_MAX`] are made up for.
    All,
}

/// A schedule, as it is put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name: as those of queues, see [`crate::check_name`].
    pub name: String,
    /// When it occurs.
    pub rule: Rule,
    /// The queue that its tasks go to.
    pub queue: String,
    /// What is enqueued, with arguments that are already checked.
    pub task: NewTask,
    /// A task that has not begun so long after it was enqueued does not begin any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
    /// What becomes of an occurrence while the task of the one before is not final.
    pub overlap: Overlap,
    /// What becomes of occurrences that nobody was there for.
    pub missed: Missed,
}

/// One occurrence of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The schedule's name.
    pub schedule: String,
    /// Its time, in milliseconds since 1970.
    pub at_ms: u64,
}

/// How a schedule stands. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleView {
    /// What was put.
    pub schedule: Schedule,
    /// When that was. Intervals count from then.
    pub put_ms: u64,
    /// Its next occurrence. One that is past is overdue: nobody was there.
    pub next_ms: Option<u64>,
    /// The last occurrence that gave a task, and that task.
    pub last: Option<(u64, TaskId)>,
}

/// All schedules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schedules {
    /// How they stand, in the order of their names.
    pub views: Vec<ScheduleView>,
    /// The names of those whose records can't be read.
    pub unreadable: Vec<(String, QueueError)>,
}

/// What became of putting a schedule.
#[derive(Debug)]
pub enum Put {
    /// It counts from now on. `created` if there was none of this name.
    Done {
        /// Whether there was none of this name.
        created: bool,
        /// How it stands.
        view: Box<ScheduleView>,
        /// To wake somebody who keeps its time.
        receipt: Receipt,
    },
    /// It never occurs. Nothing was changed.
    Never,
    /// There are [`SCHEDULES_MAX`] others. Nothing was changed.
    Full,
}

/// A version of a schedule, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Version {
    put_ms: u64,
    schedule: Schedule,
}

impl Sound for Version {
    fn is_sound(&self) -> bool {
        let Schedule { name, queue, .. } = &self.schedule;
        let task = &self.schedule.task;
        let mut limits = [self.put_ms, task.timeout_ms, task.retention_ms]
            .into_iter()
            .chain(task.not_before_ms)
            .chain(task.on_end.as_ref().map(|end| end.timeout_ms))
            .chain(self.schedule.expires_after_ms);
        let mut others = task.retry_of.iter().chain(&task.end_of);
        crate::check_name(name).is_ok()
            && crate::check_name(queue).is_ok()
            && self.schedule.rule.is_sound()
            && limits.all(is_time)
            && others.all(TaskId::is_sound)
    }
}

/// How far a version has come. Several keepers may write it, an older one over a newer one, too: it only saves work and
/// tells what was last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Fired {
    /// Up to this time all occurrences are seen to, and there is an entry in the wheel for those after it.
    passed_ms: u64,
    /// The last occurrence that gave a task, and the task's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<(u64, String)>,
}

impl Sound for Fired {
    fn is_sound(&self) -> bool {
        let last_ms = self.last.as_ref().map_or(0, |last| last.0);
        is_time(self.passed_ms) && is_time(last_ms)
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Makes that a schedule of this name is this one. Putting what is there changes nothing.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The schedule may count all the same.
    pub async fn put_schedule(&self, schedule: Schedule) -> Result<Put, QueueError> {
        let put_ms = self.env.now_ms();
        let version = Version { put_ms, schedule };
        let Some(next_ms) = self.occurs_after(&version, put_ms) else {
            return Ok(Put::Never);
        };
        let name = version.schedule.name.clone();
        let before = self.table().await?;
        let same = before.names.get(&name).copied();
        if before.names.len() >= SCHEDULES_MAX && same.is_none() {
            return Ok(Put::Full);
        }
        let mut fired = Fired::default();
        if let Some(number) = same {
            // What can't be read is replaced.
            let last = QueueError::or_unreadable(self.fired(number).await)?;
            let there = QueueError::or_unreadable(self.version(number).await)?;
            let whole = last.is_ok();
            fired.last = last.unwrap_or_default().last;
            let there = there.unwrap_or_default();
            let there = there.filter(|there| there.schedule == version.schedule && whole);
            if let Some(there) = there
                && self.is_agreed(&before).await?
            {
                // Whoever put it may have come too late to be waited for.
                self.revive(number).await?;
                return Ok(Put::Done {
                    created: false,
                    view: Box::new(self.view_schedule(number, there).await?),
                    receipt: kept(),
                });
            }
        }
        let change = self.begin_change().await?;
        let number = change.number;
        let records = vec![
            (self.keys.schedule(number), encode(&version)),
            (self.keys.fired(number), encode(&fired)),
        ];
        self.write(records).await?;
        // Before it counts: whatever dies from here on, somebody sees to it.
        let entry = fire::entry(number, put_ms, &fired);
        self.enter(&entry, next_ms).await?;
        let put = |names: &mut table::Names| {
            let full = names.len() >= SCHEDULES_MAX && !names.contains_key(&name);
            (!full).then(|| names.insert(name.clone(), number).is_none())
        };
        let Some(created) = self.change(change, put_ms, put).await? else {
            return Ok(Put::Full);
        };
        if let Err(late) = self.in_time(put_ms) {
            // It may have been given up before it counted.
            self.revive(number).await?;
            return Err(late);
        }
        let view = Box::new(view(version, &fired, Some(next_ms)));
        Ok(Put::Done {
            created,
            view,
            receipt: kept(),
        })
    }

    /// Deletes a schedule; false if there is none of this name. What it enqueued stays.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The schedule may be gone all the same.
    pub async fn delete_schedule(&self, name: &str) -> Result<bool, QueueError> {
        let began_ms = self.env.now_ms();
        let before = self.table().await?;
        if !before.names.contains_key(name) && self.is_agreed(&before).await? {
            return Ok(false);
        }
        let change = self.begin_change().await?;
        let delete = |names: &mut table::Names| Some(names.remove(name).is_some());
        let deleted = self.change(change, began_ms, delete).await?;
        self.in_time(began_ms)?;
        Ok(deleted == Some(true))
    }

    /// How the schedule of this name stands.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn schedule(&self, name: &str) -> Result<Option<ScheduleView>, QueueError> {
        let Some(&number) = self.table().await?.names.get(name) else {
            return Ok(None);
        };
        match self.version(number).await? {
            Some(version) => Ok(Some(self.view_schedule(number, version).await?)),
            None => Ok(None),
        }
    }

    /// How all schedules stand, in the order of their names.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn schedules(&self) -> Result<Schedules, QueueError> {
        let mut schedules = Schedules::default();
        for (name, number) in self.table().await?.names {
            let view = async {
                match self.version(number).await? {
                    Some(version) => self.view_schedule(number, version).await.map(Some),
                    None => Ok(None),
                }
            };
            // One must not hide the others.
            match QueueError::or_unreadable(view.await)? {
                Ok(view) => schedules.views.extend(view),
                Err(e) => schedules.unreadable.push((name, e)),
            }
        }
        Ok(schedules)
    }

    async fn version(&self, number: u64) -> Result<Option<Version>, QueueError> {
        let key = self.keys.schedule(number);
        decode_opt(&key, self.store.get(&key).await?)
    }

    async fn fired(&self, number: u64) -> Result<Fired, QueueError> {
        let key = self.keys.fired(number);
        let fired = decode_opt(&key, self.store.get(&key).await?)?;
        Ok(fired.unwrap_or_default())
    }

    async fn view_schedule(
        &self,
        number: u64,
        version: Version,
    ) -> Result<ScheduleView, QueueError> {
        let fired = self.fired(number).await?;
        let next_ms = self.occurs_after(&version, fired.passed_ms.max(version.put_ms));
        Ok(view(version, &fired, next_ms))
    }
}

/// Somebody must keep the time.
fn kept() -> Receipt {
    Receipt {
        timed: true,
        ..Receipt::default()
    }
}

fn view(version: Version, fired: &Fired, next_ms: Option<u64>) -> ScheduleView {
    let last = fired.last.as_ref();
    ScheduleView {
        schedule: version.schedule,
        put_ms: version.put_ms,
        next_ms,
        last: last.and_then(|(at_ms, id)| Some((*at_ms, id.parse().ok()?))),
    }
}
