//! A schedule as callers put it and see it.

use crate::base::config::EVERY_MIN_MS;
use crate::base::env::Cron;
use crate::base::id::TaskId;
use crate::model::receipt::Receipt;
use crate::model::task::TaskSpec;
use crate::store::error::QueueError;
use crate::store::record::is_time;
use serde::Deserialize;
use serde::Serialize;

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
    pub task: TaskSpec,
    /// A task that has not begun so long after it was enqueued does not begin any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
    /// What becomes of an occurrence while the task of the one before is not final.
    pub overlap: Overlap,
    /// What becomes of occurrences that nobody was there for.
    pub missed: Missed,
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
    /// There are [`crate::SCHEDULES_MAX`] others. Nothing was changed.
    Full,
}

/// When a schedule occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// So many milliseconds after it was put, and again and again after the same time; at least a second.
    Every(u64),
    /// By the calendar.
    Cron(Cron),
}

impl Rule {
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Every(ms) => *ms >= EVERY_MIN_MS && is_time(*ms),
            Self::Cron(_) => true,
        }
    }
}
