//! Asking for a task that has ended.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::load;
use crate::results::Unit;
use anyhow::Result;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "status",
    when: When::AtWork,
    systems: &[],
    metrics: &[
        metric(
            "status_c1",
            "status of a task that has ended, concurrency 1",
            Unit::PerS,
        ),
        metric("status_c8", "status, concurrency 8", Unit::PerS),
        metric("status_c32", "status, concurrency 32", Unit::PerS),
        metric("status_c32_p99", "the same, p99", Unit::Ms),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let mut connection = app.connect();
    let id = app.enqueue(&mut connection, Task::Echo);
    app.wait_for(&mut connection, &id);
    let status = app.api.status(&id);
    for (connections, key) in [(1, "status_c1"), (8, "status_c8"), (32, "status_c32")] {
        let load = load::run(
            app.address(),
            &status,
            connections,
            taking.scale.load_s,
            app.scratch(),
        )?;
        (taking.record)(key, load.per_s);
        if connections == 32 {
            (taking.record)("status_c32_p99", load.p99_ms);
        }
    }
    Ok(())
}
