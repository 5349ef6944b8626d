//! One task at a time, from the request that enqueues it until its result is read.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::results::{Unit, percentile};
use anyhow::Result;
use std::time::Instant;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "end-to-end",
    when: When::AtWork,
    systems: &[],
    metrics: &[
        metric(
            "end_to_end_p50",
            "enqueue until the result is read, one at a time, p50",
            Unit::Ms,
        ),
        metric("end_to_end_p95", "the same, p95", Unit::Ms),
        metric("end_to_end_p99", "the same, p99", Unit::Ms),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let mut connection = app.connect();
    let mut times_ms = Vec::new();
    for _ in 0..taking.scale.followed {
        let start = Instant::now();
        let id = app.enqueue(&mut connection, Task::Echo);
        app.wait_for(&mut connection, &id);
        times_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    for (key, part) in [
        ("end_to_end_p50", 0.5),
        ("end_to_end_p95", 0.95),
        ("end_to_end_p99", 0.99),
    ] {
        (taking.record)(key, percentile(&times_ms, part));
    }
    Ok(())
}
