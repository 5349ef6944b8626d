//! Taking one task: the article's `/ping`, while nothing is run.

use super::{Measurement, Taking, When, metric};
use crate::load;
use crate::results::Unit;
use anyhow::Result;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "enqueue",
    when: When::AtRest,
    systems: &[],
    metrics: &[
        metric("enqueue_c1", "enqueue one, concurrency 1", Unit::PerS),
        metric("enqueue_c8", "enqueue one, concurrency 8", Unit::PerS),
        metric("enqueue_c32", "enqueue one, concurrency 32", Unit::PerS),
        metric("enqueue_c32_p99", "the same, p99", Unit::Ms),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    for (connections, key) in [(1, "enqueue_c1"), (8, "enqueue_c8"), (32, "enqueue_c32")] {
        let ping = app.api.ping();
        let load = load::run(
            app.address(),
            &ping,
            connections,
            taking.scale.load_s,
            app.scratch(),
        )?;
        (taking.record)(key, load.per_s);
        if connections == 32 {
            (taking.record)("enqueue_c32_p99", load.p99_ms);
        }
    }
    Ok(())
}
