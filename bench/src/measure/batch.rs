//! Taking a hundred tasks with one request, while nothing is run.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::load;
use crate::results::Unit;
use anyhow::Result;

const TASKS: usize = 100;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "batch",
    when: When::AtRest,
    systems: &[],
    metrics: &[
        metric(
            "batch_c1",
            "tasks enqueued by batches of 100, concurrency 1",
            Unit::PerS,
        ),
        metric(
            "batch_c8",
            "tasks enqueued by batches of 100, concurrency 8",
            Unit::PerS,
        ),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    for (connections, key) in [(1, "batch_c1"), (8, "batch_c8")] {
        let batch = app.api.batch(Task::Echo, TASKS);
        let load = load::run(
            app.address(),
            &batch,
            connections,
            taking.scale.load_s,
            app.scratch(),
        )?;
        (taking.record)(key, load.per_s * TASKS as f64);
    }
    Ok(())
}
