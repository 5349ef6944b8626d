//! How often a store increments one counter: each enqueue increments its queue's, by as many as are in its batch. Asked by the
//! store's own tool, without a host.

use super::{Measurement, Taking, When, metric};
use crate::results::Unit;
use crate::tools::output;
use anyhow::{Context, Result};
use handoff_e2e::{Postgres, Redis};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "counter",
    when: When::Once,
    systems: &["local-redis", "local-redis-fsync", "local-postgres"],
    metrics: &[metric(
        "counter",
        "increments of one counter, by the store's own tool, concurrency 32",
        Unit::PerS,
    )],
    run,
};

const CLIENTS: &str = "32";
const INCREMENTS: &str = "200000";
const TIME_S: &str = "5";

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let per_s = match (app.redis(), app.postgres()) {
        (Some(redis), _) => of_redis(redis),
        (None, Some(postgres)) => of_postgres(postgres, app.scratch()),
        _ => None.context("its store is a server"),
    };
    (taking.record)("counter", per_s?);
    Ok(())
}

fn of_redis(redis: &Redis) -> Result<f64> {
    let mut tool = Command::new("redis-benchmark");
    tool.args(["-u", &redis.url(), "-c", CLIENTS, "-n", INCREMENTS, "-q"]);
    let text = output(tool.args(["INCRBY", "bench.counter", "1"]))?;
    // It shows how far it is in lines that end with a carriage return.
    let last = text
        .rsplit(['\r', '\n'])
        .find(|line| line.contains("requests per second"));
    let per_s = last.and_then(|line| {
        let (before, _) = line.split_once(" requests per second")?;
        before.rsplit(' ').next()?.parse().ok()
    });
    per_s.with_context(|| format!("redis-benchmark says how many: {text}"))
}

/// With a record under each, as tasks are: that is the one statement.
fn of_postgres(postgres: &Postgres, folder: &Path) -> Result<f64> {
    const STATEMENT: &str =
        "CALL handoff.append('bench.counter', 1, 'bench.', 0, 'record', '6', NULL);\n";
    let script = folder.join("append.sql");
    fs::write(&script, STATEMENT)?;
    let mut tool = Command::new(postgres.program("pgbench"));
    tool.args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS]);
    tool.args(["--jobs=2", "--time", TIME_S, "--file"]);
    let text = output(tool.arg(&script).arg(postgres.url()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let per_s = line.and_then(|line| line.split(' ').next()?.parse().ok());
    per_s.with_context(|| format!("pgbench says how many: {text}"))
}
