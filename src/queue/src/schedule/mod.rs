//! Schedules: tasks that are enqueued again and again, by an interval or a cron expression.
//!
//! All schedules of a deployment are in one queue, whose keeper fires them, into any queue. Each put makes a *version*, a
//! record that never changes. Which versions count is in a table (`table`). Every version has an entry in the timer's wheel
//! at its next occurrence, and whoever sees to that enters the one after it (`fire`). An occurrence is an idempotency key,
//! so that there is one task however many see to it.

pub(crate) mod change;
pub(crate) mod fire;
pub(crate) mod records;
pub(crate) mod rule;
pub(crate) mod spec;
pub(crate) mod table;
