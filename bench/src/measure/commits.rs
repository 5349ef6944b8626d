//! Taking one task from a Postgres whose commits take long, as those of hosted ones do, or with a synchronous standby.

use super::{Measurement, Taking, When, metric};
use crate::load;
use crate::results::Unit;
use anyhow::{Context, Result};

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "commits",
    when: When::Once,
    systems: &["local-postgres", "spin-postgres"],
    metrics: &[metric(
        "enqueue_c32_slow_commits",
        "enqueue one, concurrency 32, where each commit takes 5 ms more",
        Unit::PerS,
    )],
    run,
};

/// In microseconds, with however few others that commit.
const SLOW: [(&str, &str); 2] = [("commit_delay", "5000"), ("commit_siblings", "0")];

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let postgres = app.postgres().context("its store is a Postgres")?;
    for (name, value) in SLOW {
        postgres.set(name, value);
    }
    app.pause();
    let ping = app.api.ping();
    let load = load::run(app.address(), &ping, 32, taking.scale.load_s, app.scratch())?;
    (taking.record)("enqueue_c32_slow_commits", load.per_s);
    Ok(())
}
