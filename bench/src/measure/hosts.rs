//! Several hosts with one store: how evenly they run what each of them takes, and what a task costs the store then. On a
//! few cores that is counted and not timed.

use super::calls::Calls;
use super::{Measurement, Taking, When, metric};
use crate::api::{Api, Task};
use crate::results::Unit;
use anyhow::{Context, Result};
use handoff_e2e::{Connection, Database, Host, Pair, until};
use std::time::Duration;

const HOSTS: usize = 8;
/// What each host takes, in batches.
const BATCHES: usize = 100;
const BATCH: usize = 10;
const TIME_LIMIT: Duration = Duration::from_secs(300);

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "hosts",
    when: When::Once,
    systems: &["local-redis", "local-postgres"],
    metrics: &[
        metric(
            "hosts_busiest",
            "eight hosts, each of which takes an eighth of 8,000 tasks: run by the busiest, of an even share",
            Unit::Percent,
        ),
        metric(
            "hosts_idlest",
            "the same: run by the least busy",
            Unit::Percent,
        ),
        metric(
            "one_host_commands",
            "commands of Redis for a task that one host takes and runs",
            Unit::Count,
        ),
        metric("hosts_commands", "the same, with eight hosts", Unit::Count),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let pair = taking.app.pair().context("it is this project")?;
    let alone = Ran::on(pair, 1);
    let ran = Ran::on(pair, HOSTS);
    let even = ran.by_host.iter().sum::<usize>() as f64 / HOSTS as f64;
    let of_even = |tasks: Option<&usize>| tasks.map_or(f64::NAN, |&n| n as f64 / even * 100.0);
    (taking.record)("hosts_busiest", of_even(ran.by_host.iter().max()));
    (taking.record)("hosts_idlest", of_even(ran.by_host.iter().min()));
    for (key, commands) in [
        ("one_host_commands", alone.commands),
        ("hosts_commands", ran.commands),
    ] {
        if let Some(commands) = commands {
            (taking.record)(key, commands);
        }
    }
    Ok(())
}

/// What became of the tasks.
struct Ran {
    /// The number that each host ran.
    by_host: Vec<usize>,
    /// Commands of Redis for each.
    commands: Option<f64>,
}

impl Ran {
    /// Has each of so many hosts take the same number of tasks, in turns.
    fn on(pair: Pair, hosts: usize) -> Self {
        // A worker then prints a line when it begins a task.
        let variables = [("log", "tasks")];
        let first = Host::start(pair, &variables);
        let more = (1..hosts).map(|_| first.start_beside(&variables));
        let more: Vec<_> = more.collect();
        let hosts: Vec<_> = std::iter::once(&first).chain(&more).collect();
        let redis = first.database_if_any().and_then(Database::redis);
        let before = redis.map(Calls::of);
        let mut open: Vec<_> = hosts
            .iter()
            .map(|h| Connection::open(h.address()))
            .collect();
        for _ in 0..BATCHES {
            for connection in &mut open {
                Api::Handoff.batch(Task::Echo, BATCH).send(connection);
            }
        }
        let count = hosts.len() * BATCHES * BATCH;
        let by_host = until("all tasks have run", TIME_LIMIT, || {
            let begun = |host: &&Host| {
                let output = host.output();
                output
                    .lines()
                    .filter(|line| line.ends_with(" begins"))
                    .count()
            };
            let by_host: Vec<_> = hosts.iter().map(begun).collect();
            (by_host.iter().sum::<usize>() >= count).then_some(by_host)
        });
        let calls = redis.zip(before);
        let calls = calls.map(|(redis, before)| Calls::of(redis).since(before, count));
        Self {
            by_host,
            commands: calls.map(|calls| calls.reads + calls.writes),
        }
    }
}
