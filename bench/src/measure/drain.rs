//! How fast tasks that wait are run when they do nothing.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::results::Unit;
use crate::system::App;
use anyhow::Result;
use std::time::{Duration, Instant};

/// More than any system has in progress at once: what was enqueued before these has ended when they have.
const LAST: usize = 2_000;
/// So many of them are looked at while time counts.
const SAMPLED: usize = 50;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "drain",
    when: When::AtWork,
    systems: &[],
    metrics: &[metric(
        "drain",
        "20,000 waiting tasks that do nothing: tasks run",
        Unit::PerS,
    )],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let drained = taking.scale.drained;
    let (mut done, mut took) = (0, Duration::ZERO);
    while done < drained {
        let part = taking.app.waiting_max.min(drained - done);
        took += drain(&taking.app, part);
        done += part;
    }
    (taking.record)("drain", drained as f64 / took.as_secs_f64());
    Ok(())
}

/// How long workers need for so many waiting tasks.
fn drain(app: &App, count: usize) -> Duration {
    app.pause();
    let ids = app.enqueue_many(Task::Echo, count);
    let mut connection = app.connect();
    let start = Instant::now();
    app.resume();
    let last = &ids[ids.len().saturating_sub(LAST)..];
    app.wait_slowly_for(&mut connection, &last[last.len() - 1]);
    let sampled = last.iter().step_by((last.len() / SAMPLED).max(1));
    sampled.for_each(|id| app.wait_for(&mut connection, id));
    let mut took = start.elapsed();
    // Looked at when time does not count any more, unless one has not ended.
    for id in last {
        if !app.is_done(&mut connection, id) {
            app.wait_for(&mut connection, id);
            took = start.elapsed();
        }
    }
    took
}
