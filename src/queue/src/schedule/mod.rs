//! Schedules: tasks that are enqueued again and again, by an interval or a cron expression.
//!
//! All schedules of a deployment are in one queue, whose keeper fires them, into any queue. Each
//! put makes a *version*, a record that never changes. A table names the versions that count
//! (`table`). Each version has a timer entry at its next occurrence. A keeper that handles it
//! enters the next one (`fire`). An occurrence is an idempotency key, so one task exists however
//! many keepers fire.

pub(crate) mod change;
pub(crate) mod fire;
pub(crate) mod records;
pub(crate) mod rule;
pub(crate) mod spec;
pub(crate) mod table;
