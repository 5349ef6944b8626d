//! What is aimed at, and how far it is reached.

use crate::results::{Results, digits};

/// A goal and what was measured.
pub(crate) struct Goal {
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
pub(crate) fn all(results: &Results) -> Vec<Goal> {
    let found = Found(results);
    [
        redis, spin, sqlite, postgres, backlog, finished, idle, calls,
    ]
    .into_iter()
    .flat_map(|goals| goals(&found))
    .collect()
}

/// What was measured.
struct Found<'a>(&'a Results);

impl Found<'_> {
    fn value(&self, system: &str, metric: &str) -> Option<f64> {
        // Nothing is better than nothing divided by nothing.
        self.0
            .median(system, metric)
            .filter(|value| value.is_finite())
    }

    fn ratio(&self, system: &str, than: &str, metric: &str) -> Option<f64> {
        Some(self.value(system, metric)? / self.value(than, metric)?)
    }

    /// Compared with the fastest of the other peers.
    fn ahead(&self, metric: &str) -> Option<f64> {
        let others = OTHERS.iter().filter_map(|other| self.value(other, metric));
        Some(self.value(OWN, metric)? / others.reduce(f64::max)?)
    }

    /// In percent, from how many times as fast it is.
    fn slower(&self, metric: &str) -> Option<f64> {
        let times = self.value(OWN, metric)?;
        Some((1.0 - times).max(0.0) * 100.0)
    }
}

/// Over Redis, beside the peers.
fn redis(found: &Found<'_>) -> Vec<Goal> {
    vec![
        at_least(
            "Redis: enqueue, concurrency 32: times FastAPI + Celery",
            found.ratio(OWN, BASE, "enqueue_c32"),
            5.0,
        ),
        at_least(
            "Redis: enqueue, concurrency 32: times the fastest other peer",
            found.ahead("enqueue_c32"),
            1.0,
        ),
        at_least(
            "Redis: status, concurrency 32: times FastAPI + Celery",
            found.ratio(OWN, BASE, "status_c32"),
            4.0,
        ),
        at_least(
            "Redis: drain: times a Celery prefork worker with 2 processes",
            found.ratio(OWN, BASE, "drain"),
            8.0,
        ),
        at_least(
            "Redis: drain: times the fastest other peer",
            found.ahead("drain"),
            1.0,
        ),
        at_most(
            "Redis: end to end, p50 in ms",
            found.value(OWN, "end_to_end_p50"),
            3.0,
        ),
        at_most(
            "Redis: end to end, p99 in ms",
            found.value(OWN, "end_to_end_p99"),
            10.0,
        ),
        at_least(
            "Redis: tasks enqueued in a second by batches of 100",
            found.value(OWN, "batch_c8"),
            30_000.0,
        ),
    ]
}

/// On Spin, with Redis.
fn spin(found: &Found<'_>) -> Vec<Goal> {
    const SPIN: &str = "spin-redis";
    vec![
        at_least(
            "Spin and Redis: enqueue, concurrency 32, % of the limit",
            found.value(SPIN, "of_limit_enqueue"),
            85.0,
        ),
        at_least(
            "Spin and Redis: status, concurrency 32, % of the limit",
            found.value(SPIN, "of_limit_status"),
            85.0,
        ),
        at_least(
            "Spin and Redis: a path that is not there, concurrency 32, % of the limit",
            found.value(SPIN, "of_limit_nothing"),
            75.0,
        ),
        at_least(
            "Spin and Redis: enqueue, concurrency 32: times FastAPI + Celery",
            found.ratio(SPIN, BASE, "enqueue_c32"),
            5.0,
        ),
        at_least(
            "Spin and Redis: status, concurrency 32: times FastAPI + Celery",
            found.ratio(SPIN, BASE, "status_c32"),
            3.0,
        ),
        at_least(
            "Spin and Redis: end to end, p50: times as fast as FastAPI + Celery",
            found.ratio(BASE, SPIN, "end_to_end_p50"),
            1.5,
        ),
    ]
}

/// Over SQLite.
fn sqlite(found: &Found<'_>) -> Vec<Goal> {
    vec![
        at_least(
            "SQLite on the local host: enqueue, concurrency 32: times FastAPI + Celery",
            found.ratio("local-sqlite", BASE, "enqueue_c32"),
            3.0,
        ),
        at_least(
            "SQLite on the local host: tasks enqueued in a second by batches of 100",
            found.value("local-sqlite", "batch_c8"),
            20_000.0,
        ),
        at_least(
            "SQLite on the local host: drain, tasks in a second",
            found.value("local-sqlite", "drain"),
            8_000.0,
        ),
        at_least(
            "SQLite on Spin: enqueue, concurrency 32: times FastAPI + Celery",
            found.ratio("spin-sqlite", BASE, "enqueue_c32"),
            1.2,
        ),
        at_least(
            "SQLite on Spin: drain, tasks in a second",
            found.value("spin-sqlite", "drain"),
            8_000.0,
        ),
    ]
}

/// Over Postgres, which syncs every write. The peers' Redis syncs none.
fn postgres(found: &Found<'_>) -> Vec<Goal> {
    vec![
        at_least(
            "Postgres: enqueue, concurrency 32: times FastAPI + Celery",
            found.ratio("local-postgres", BASE, "enqueue_c32"),
            1.0,
        ),
        at_least(
            "Postgres on Spin: enqueue, concurrency 32: times FastAPI + Celery",
            found.ratio("spin-postgres", BASE, "enqueue_c32"),
            1.0,
        ),
        at_least(
            "Postgres: tasks enqueued in a second by batches of 100",
            found.value("local-postgres", "batch_c8"),
            20_000.0,
        ),
    ]
}

/// Behind a long backlog.
fn backlog(found: &Found<'_>) -> Vec<Goal> {
    vec![
        at_most(
            "behind 1,000,000 tasks: enqueue is slower by %",
            found.slower("backlog_enqueue"),
            10.0,
        ),
        at_most(
            "behind 1,000,000 tasks: status is slower by %",
            found.slower("backlog_status"),
            10.0,
        ),
        at_most(
            "behind 1,000,000 tasks: running them is slower by %",
            found.slower("backlog_claim"),
            10.0,
        ),
    ]
}

/// When very many tasks have ended.
fn finished(found: &Found<'_>) -> Vec<Goal> {
    let slower = |what: &'static str, metric| at_most(what, found.slower(metric), 10.0);
    vec![
        slower(
            "after 1,000,000 tasks: a list is slower by %",
            "finished_list",
        ),
        slower(
            "after 1,000,000 tasks: a search is slower by %",
            "finished_search",
        ),
        slower(
            "after 1,000,000 tasks: `/metrics` is slower by %",
            "finished_metrics",
        ),
        slower(
            "after 1,000,000 tasks: the console's overview is slower by %",
            "finished_overview",
        ),
        slower(
            "after 1,000,000 tasks: the console's list is slower by %",
            "finished_tasks",
        ),
    ]
}

/// With nothing to do.
fn idle(found: &Found<'_>) -> Vec<Goal> {
    vec![
        at_most("idle: % of a core", found.value(OWN, "idle_cpu"), 1.0),
        counted(
            "idle: writes to the store in a second",
            found.value(OWN, "idle_writes"),
            1.0,
        ),
    ]
}

/// Store calls and bytes of a task.
fn calls(found: &Found<'_>) -> Vec<Goal> {
    vec![
        counted(
            "store calls to enqueue one: writes",
            found.value(OWN, "enqueue_writes"),
            2.1,
        ),
        counted(
            "store calls to enqueue one, in a queue that is paused: reads",
            found.value(OWN, "enqueue_reads"),
            3.1,
        ),
        counted(
            "store calls to run one of many: writes",
            found.value(OWN, "run_writes"),
            0.1,
        ),
        counted(
            "store calls to run one of many: reads",
            found.value(OWN, "run_reads"),
            1.5,
        ),
        counted(
            "store calls for the status of a task that has ended: reads",
            found.value(OWN, "status_reads"),
            3.1,
        ),
        counted(
            "bytes of Redis for a task that waits",
            found.value(OWN, "waiting_bytes"),
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
