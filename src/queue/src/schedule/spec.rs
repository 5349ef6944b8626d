//! A schedule, as callers put it and see it.

use crate::base::config::EVERY_MIN_MS;
use crate::base::env::Cron;
use crate::base::id::TaskId;
use crate::model::receipt::Receipt;
use crate::model::task::TaskSpec;
use crate::store::error::QueueError;
use crate::store::record::is_time;
use serde::Deserialize;
use serde::Serialize;

/// The policy for an occurrence while the task of the one before is still open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Enqueue it all the same.
    #[default]
    Queue,
    /// Skip it.
    Skip,
}

/// The policy for missed occurrences: those that a keeper finds later than [`crate::MISSED_MS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Skip them.
    Skip,
    /// Enqueue the latest one.
    #[default]
    Latest,
    /// Enqueue the latest [`crate::MISSED_MAX`].
    All,
}

/// A schedule, as it is put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The name, by the same rule as a queue's: see [`crate::check_name`].
    pub name: String,
    /// When it occurs.
    pub rule: Rule,
    /// The queue of its tasks.
    pub queue: String,
    /// The task to enqueue, with arguments that are already checked.
    pub task: TaskSpec,
    /// A task expires if it has not begun this long after it was enqueued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
    /// The policy for an occurrence while the task of the one before is still open.
    pub overlap: Overlap,
    /// The policy for missed occurrences.
    pub missed: Missed,
}

/// A schedule and its progress. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleView {
    /// The schedule as it was put.
    pub schedule: Schedule,
    /// When it was put. Intervals count from then.
    pub put_ms: u64,
    /// Whether it is paused: it has no occurrences until it is resumed.
    pub paused: bool,
    /// The next occurrence. A past time is overdue: no keeper was there.
    pub next_ms: Option<u64>,
    /// The last occurrence that got a task, and that task.
    pub last: Option<(u64, TaskId)>,
}

/// All schedules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schedules {
    /// The schedules and their progress, in the order of their names.
    pub views: Vec<ScheduleView>,
    /// The names of unreadable schedules, and why.
    pub unreadable: Vec<(String, QueueError)>,
}

/// The result of putting a schedule.
#[derive(Debug)]
pub enum Put {
    /// It counts from now on.
    Done {
        /// Whether no schedule had this name before.
        created: bool,
        /// The schedule and its progress.
        view: Box<ScheduleView>,
        /// The receipt with which the caller wakes a keeper.
        receipt: Receipt,
    },
    /// It never occurs. Nothing was changed.
    Never,
    /// [`crate::SCHEDULES_MAX`] others exist. Nothing was changed.
    Full,
}

/// When a schedule occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// This many milliseconds after it was put, and then at the same interval. At least a second.
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
