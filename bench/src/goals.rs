//! What is aimed at, and how far it is reached.

use crate::results::{Results, digits};

/// A goal and what was measured.
pub struct Goal {
    /// What is aimed at.
    pub text: &'static str,
    /// How much is enough.
    pub bound: String,
    /// What was measured; none if it was not.
    pub found: Option<f64>,
    /// Whether that is enough.
    pub met: bool,
    /// Counted, not timed: whoever misses it has broken something.
    pub counted: bool,
}

const BASE: &str = "fastapi";
const OWN: &str = "local-redis";
const OTHERS: [&str; 2] = ["bullmq", "apalis"];

/// All of them.
pub fn all(results: &Results) -> Vec<Goal> {
    // Nothing is better than nothing divided by nothing.
    let value = |system, metric| {
        results
            .median(system, metric)
            .filter(|value| value.is_finite())
    };
    let ratio = |system, than, metric| Some(value(system, metric)? / value(than, metric)?);
    // Compared with the fastest of the other peers.
    let ahead = |metric| {
        let others = OTHERS.iter().filter_map(|other| value(other, metric));
        Some(value(OWN, metric)? / others.reduce(f64::max)?)
    };
    // In percent, from how many times as fast it is.
    let slower = |metric| value(OWN, metric).map(|times: f64| (1.0 - times).max(0.0) * 100.0);
    let of_writes = || {
        let allowed = value("spin-sqlite", "writes_c32")? / 2.0;
        Some(value("spin-sqlite", "enqueue_c32")? / allowed * 100.0)
    };
    vec![
        at_least(
            "Redis: enqueue, concurrency 32: times FastAPI + Celery",
            ratio(OWN, BASE, "enqueue_c32"),
            5.0,
        ),
        at_least(
            "Redis: enqueue, concurrency 32: times the fastest other peer",
            ahead("enqueue_c32"),
            1.0,
        ),
        at_least(
            "Redis: status, concurrency 32: times FastAPI + Celery",
            ratio(OWN, BASE, "status_c32"),
            4.0,
        ),
        at_least(
            "Redis: drain: times a Celery prefork worker with 2 processes",
            ratio(OWN, BASE, "drain"),
            8.0,
        ),
        at_least(
            "Redis: drain: times the fastest other peer",
            ahead("drain"),
            1.0,
        ),
        at_most(
            "Redis: end to end, p50 in ms",
            value(OWN, "end_to_end_p50"),
            3.0,
        ),
        at_most(
            "Redis: end to end, p99 in ms",
            value(OWN, "end_to_end_p99"),
            10.0,
        ),
        at_least(
            "Redis: tasks enqueued in a second by batches of 100",
            value(OWN, "batch_c8"),
            30_000.0,
        ),
        at_least(
            "SQLite on the local host: enqueue, concurrency 32: times FastAPI + Celery",
            ratio("local-sqlite", BASE, "enqueue_c32"),
            3.0,
        ),
        at_least(
            "SQLite on the local host: tasks enqueued in a second by batches of 100",
            value("local-sqlite", "batch_c8"),
            20_000.0,
        ),
        at_least(
            "SQLite on the local host: drain, tasks in a second",
            value("local-sqlite", "drain"),
            8_000.0,
        ),
        at_least(
            "SQLite on Spin: enqueue, % of what its two writes allow",
            of_writes(),
            85.0,
        ),
        at_least(
            "SQLite on Spin: drain, tasks in a second",
            value("spin-sqlite", "drain"),
            8_000.0,
        ),
        at_most(
            "behind 1,000,000 tasks: enqueue is slower by %",
            slower("backlog_enqueue"),
            10.0,
        ),
        at_most(
            "behind 1,000,000 tasks: status is slower by %",
            slower("backlog_status"),
            10.0,
        ),
        at_most(
            "behind 1,000,000 tasks: running them is slower by %",
            slower("backlog_claim"),
            10.0,
        ),
        at_most("idle: % of a core", value(OWN, "idle_cpu"), 1.0),
        counted(
            "idle: writes to the store in a second",
            value(OWN, "idle_writes"),
            1.0,
        ),
        counted(
            "store calls to enqueue one: writes",
            value(OWN, "enqueue_writes"),
            2.1,
        ),
        counted(
            "store calls to enqueue one, in a queue that is paused: reads",
            value(OWN, "enqueue_reads"),
            3.1,
        ),
        counted(
            "store calls to run one of many: writes",
            value(OWN, "run_writes"),
            0.1,
        ),
        counted(
            "store calls to run one of many: reads",
            value(OWN, "run_reads"),
            1.5,
        ),
        counted(
            "store calls for the status of a task that has ended: reads",
            value(OWN, "status_reads"),
            3.1,
        ),
        counted(
            "bytes of Redis for a task that waits",
            value(OWN, "waiting_bytes"),
            400.0,
        ),
    ]
}

fn at_least(text: &'static str, found: Option<f64>, bound: f64) -> Goal {
    Goal {
        text,
        bound: format!("≥ {}", digits(bound)),
        found,
        met: found.is_some_and(|found| found >= bound),
        counted: false,
    }
}

fn at_most(text: &'static str, found: Option<f64>, bound: f64) -> Goal {
    Goal {
        text,
        bound: format!("≤ {}", digits(bound)),
        found,
        met: found.is_some_and(|found| found <= bound),
        counted: false,
    }
}

fn counted(text: &'static str, found: Option<f64>, bound: f64) -> Goal {
    Goal {
        counted: true,
        ..at_most(text, found, bound)
    }
}
