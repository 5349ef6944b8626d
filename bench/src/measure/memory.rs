//! Memory with a thousand tasks in progress that only wait.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::machine;
use crate::results::Unit;
use anyhow::Result;
use std::thread::sleep;
use std::time::{Duration, Instant};

const TASKS: usize = 1_000;
/// How long each waits.
const TASK_S: u32 = 8;
/// Until all have begun.
const BEGUN: Duration = Duration::from_secs(4);
/// From the first's begin to the last's end, if all were in progress at once.
const ALL_AT_ONCE: Duration = Duration::from_secs(2 * TASK_S as u64 - 1);

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "memory",
    when: When::Once,
    systems: &[],
    metrics: &[
        metric(
            "memory_progress",
            "memory with 1,000 tasks in progress that wait",
            Unit::Mb,
        ),
        metric(
            "at_once",
            "of these 1,000 so many were in progress at once, at least",
            Unit::Count,
        ),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let start = Instant::now();
    let ids = app.enqueue_many(Task::Sleep(TASK_S), TASKS);
    sleep(BEGUN);
    let memory_mb = machine::memory_mb(&app.groups());
    sleep(ALL_AT_ONCE.saturating_sub(start.elapsed()));
    // Whoever has ended before one could have run after another ran at once with the others.
    let mut connection = app.connect();
    let ended = ids
        .iter()
        .filter(|id| app.is_done(&mut connection, id))
        .count();
    (taking.record)("memory_progress", memory_mb);
    (taking.record)("at_once", ended as f64);
    Ok(())
}
