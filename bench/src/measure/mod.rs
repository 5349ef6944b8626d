//! What is measured, a file each.

mod backlog;
mod batch;
mod calls;
mod commits;
mod computing;
mod counter;
mod drain;
mod end_to_end;
mod enqueue;
mod finished;
mod hosts;
pub(crate) mod idle;
mod limit;
mod memory;
mod requests;
mod status;
mod throughput;

use anyhow::Result;

use crate::api::Request;
use crate::load;
use crate::results::{Metric, Unit};
use crate::system::App;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// How often everything that is timed is measured, systems taking turns.
    pub rounds: u32,
    /// How long each load is kept up.
    pub load_s: u32,
    /// How many tasks are followed from end to end.
    pub followed: usize,
    /// How many tasks wait before a drain.
    pub drained: usize,
    /// How long idle systems are left alone before they are measured.
    pub settle_s: u64,
    /// How long idle systems are measured.
    pub idle_s: u64,
    /// The longest backlog.
    pub backlog: usize,
}

/// Everything that is worth publishing.
pub(crate) const FULL: Scale = Scale {
    rounds: 3,
    load_s: 2,
    followed: 200,
    drained: 20_000,
    settle_s: 45,
    idle_s: 60,
    backlog: 1_000_000,
};

/// To try it out.
pub(crate) const QUICK: Scale = Scale {
    rounds: 1,
    load_s: 1,
    followed: 30,
    drained: 2_000,
    settle_s: 20,
    idle_s: 10,
    backlog: 50_000,
};

/// A measurement.
pub(crate) struct Measurement {
    /// For `--only`.
    pub name: &'static str,
    /// On what it is made.
    pub when: When,
    /// The systems that it is for; all if none is named.
    pub systems: &'static [&'static str],
    /// What it gives.
    pub metrics: &'static [Metric],
    /// Makes it.
    pub run: fn(&mut Taking) -> Result<()>,
}

/// On what a measurement is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// In each round, on a fresh system that runs no tasks.
    AtRest,
    /// In each round, on a system that runs tasks.
    AtWork,
    /// Once, on a system of its own.
    Once,
}

/// A measurement that is being made.
pub(crate) struct Taking<'a> {
    /// It runs.
    pub app: App,
    /// How much to measure.
    pub scale: Scale,
    /// Starts another one like it.
    pub another: &'a dyn Fn() -> Result<App>,
    /// Takes samples.
    pub record: &'a mut dyn FnMut(&'static str, f64),
}

const fn metric(key: &'static str, title: &'static str, unit: Unit) -> Metric {
    Metric { key, title, unit }
}

/// From the start of a system until it had taken a task. Comes with each start.
pub(crate) const FIRST_ANSWER: Metric = metric(
    "first_answer",
    "start until the first task is taken",
    Unit::S,
);

/// In the order of the table; those of one kind are made in this order.
pub(crate) const ALL: [Measurement; 16] = [
    enqueue::MEASUREMENT,
    batch::MEASUREMENT,
    status::MEASUREMENT,
    end_to_end::MEASUREMENT,
    requests::MEASUREMENT,
    computing::MEASUREMENT,
    drain::MEASUREMENT,
    throughput::MEASUREMENT,
    limit::MEASUREMENT,
    calls::MEASUREMENT,
    memory::MEASUREMENT,
    backlog::MEASUREMENT,
    finished::MEASUREMENT,
    commits::MEASUREMENT,
    counter::MEASUREMENT,
    hosts::MEASUREMENT,
];

/// How many times as fast the first system answers, over so many connections.
fn load_ratio(
    first: &App,
    second: &App,
    connections: u32,
    request: impl Fn(&App) -> Request,
) -> Result<f64> {
    let per_s = |app: &App| {
        load::run(app.address(), &request(app), connections, 1, app.scratch())
            .map(|load| load.per_s)
    };
    Ok(per_s(first)? / per_s(second)?)
}
