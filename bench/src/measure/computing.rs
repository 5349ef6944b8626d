//! Tasks that compute, on all cores. Languages differ too much for their times to be compared: what is told is how much
//! longer four take than one.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::results::Unit;
use anyhow::Result;
use std::time::Instant;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "computing",
    when: When::AtWork,
    systems: &[],
    metrics: &[
        metric(
            "computing_one",
            "a task that computes, each in its own language",
            Unit::S,
        ),
        metric(
            "computing_four",
            "four of them at once, compared with one (two cores: at best 2)",
            Unit::Times,
        ),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let mut connection = app.connect();
    let mut time_s = |count: usize| {
        let start = Instant::now();
        let ids: Vec<_> = (0..count)
            .map(|_| app.enqueue(&mut connection, Task::Compute))
            .collect();
        ids.iter()
            .for_each(|id| app.wait_slowly_for(&mut connection, id));
        start.elapsed().as_secs_f64()
    };
    let (one_s, four_s) = (time_s(1), time_s(4));
    (taking.record)("computing_one", one_s);
    (taking.record)("computing_four", four_s / one_s);
    Ok(())
}
