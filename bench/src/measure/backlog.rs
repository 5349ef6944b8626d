//! Whether tasks cost more when very many wait: one system with a long backlog and one that has none take turns.

use super::{Measurement, Taking, When, load_ratio, metric};
use crate::api::Task;
use crate::results::{Unit, median};
use crate::system::App;
use anyhow::Result;
use std::thread::sleep;
use std::time::{Duration, Instant};

const TURNS: usize = 5;
const CONNECTIONS: u32 = 8;
const CLAIMING_TURNS: usize = 3;
const CLAIMING: Duration = Duration::from_millis(300);
/// More than workers take in all these turns.
const SHORT: usize = 200_000;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "backlog",
    when: When::Once,
    systems: &["local-redis", "local-sqlite"],
    metrics: &[
        metric(
            "backlog_fill",
            "a backlog of 1,000,000 is built up, by batches of 500: tasks",
            Unit::PerS,
        ),
        metric(
            "backlog_enqueue",
            "enqueue behind it, compared with an empty queue",
            Unit::Times,
        ),
        metric(
            "backlog_status",
            "status of one in it, compared with an empty queue",
            Unit::Times,
        ),
        metric(
            "backlog_claim",
            "tasks run from it, compared with a backlog of 200,000",
            Unit::Times,
        ),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let (long, empty) = (&taking.app, (taking.another)()?);
    let start = Instant::now();
    long.pause();
    empty.pause();
    let mut ids = long.enqueue_many(Task::Echo, taking.scale.backlog);
    (taking.record)(
        "backlog_fill",
        ids.len() as f64 / start.elapsed().as_secs_f64(),
    );

    let waiting = ids.swap_remove(ids.len() / 2);
    let alone = empty.enqueue(&mut empty.connect(), Task::Echo);
    let mut enqueue = Vec::new();
    let mut status = Vec::new();
    for _ in 0..TURNS {
        enqueue.push(load_ratio(long, &empty, CONNECTIONS, |app| app.api.ping())?);
        status.push(load_ratio(long, &empty, CONNECTIONS, |app| {
            app.api.status(if std::ptr::eq(app, long) {
                &waiting
            } else {
                &alone
            })
        })?);
    }
    (taking.record)("backlog_enqueue", median(&enqueue));
    (taking.record)("backlog_status", median(&status));

    // What `/ping` has enqueued comes first, and would run for 5 s: a new one stands for the empty queue.
    drop(empty);
    let short = (taking.another)()?;
    short.pause();
    short.enqueue_many(Task::Echo, SHORT.min(taking.scale.backlog));
    let ratios: Vec<_> = (0..CLAIMING_TURNS)
        .map(|_| claimed_per_s(long) / claimed_per_s(&short))
        .collect();
    (taking.record)("backlog_claim", median(&ratios));
    Ok(())
}

/// How many tasks workers take in a second, of a queue that is paused before and afterwards.
fn claimed_per_s(app: &App) -> f64 {
    let mut connection = app.connect();
    let mut waiting = || {
        let queue = connection.get("/v1/queues").expect(200).json();
        queue["queues"][0]["waiting"].as_f64().unwrap_or(f64::NAN)
    };
    let before = waiting();
    let start = Instant::now();
    app.resume();
    sleep(CLAIMING);
    app.pause();
    let took_s = start.elapsed().as_secs_f64();
    (before - waiting()) / took_s
}
