//! What a task costs in commands to Redis, which is counted and not timed; and in bytes.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::results::Unit;
use anyhow::{Context, Result};
use handoff_e2e::Redis;

const ASKED: usize = 200;
const DRAINED: usize = 2_000;

/// What does not change anything, or is about the connection.
const READS: [&str; 24] = [
    "get",
    "mget",
    "exists",
    "ttl",
    "pttl",
    "strlen",
    "hget",
    "hmget",
    "hgetall",
    "hexists",
    "lrange",
    "llen",
    "lindex",
    "lpos",
    "zrange",
    "zrangebyscore",
    "zrevrange",
    "zcard",
    "zscore",
    "zcount",
    "scard",
    "smembers",
    "sismember",
    "xread",
];
const NEITHER: [&str; 16] = [
    "info",
    "ping",
    "client",
    "config",
    "command",
    "hello",
    "select",
    "auth",
    "eval",
    "evalsha",
    "script",
    "subscribe",
    "psubscribe",
    "unsubscribe",
    "multi",
    "exec",
];

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "calls",
    when: When::Once,
    systems: &["fastapi", "bullmq", "apalis", "local-redis", "spin-redis"],
    metrics: &[
        metric(
            "enqueue_writes",
            "enqueue one: writes that Redis carried out",
            Unit::Count,
        ),
        metric(
            "enqueue_reads",
            "the same: reads (Handoff: one of them because the queue is paused)",
            Unit::Count,
        ),
        metric(
            "run_writes",
            "run one of 2,000 that wait: writes",
            Unit::Count,
        ),
        metric(
            "run_reads",
            "run one of 2,000 that wait: reads",
            Unit::Count,
        ),
        metric(
            "status_reads",
            "status of a task that has ended: reads",
            Unit::Count,
        ),
        metric(
            "waiting_bytes",
            "memory of Redis for a task that waits",
            Unit::Bytes,
        ),
    ],
    run,
};

/// What Redis has carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calls {
    /// What changes something, inside scripts too.
    pub writes: f64,
    /// What does not.
    pub reads: f64,
}

impl Calls {
    /// So far.
    pub(super) fn of(redis: &Redis) -> Self {
        Self::parse(&redis.ask("INFO commandstats"))
    }

    fn parse(stats: &str) -> Self {
        let mut calls = Self {
            writes: 0.0,
            reads: 0.0,
        };
        for line in stats.lines() {
            let Some((name, rest)) = line
                .strip_prefix("cmdstat_")
                .and_then(|l| l.split_once(":calls="))
            else {
                continue;
            };
            let name = name.split('|').next().unwrap_or(name);
            let count = rest
                .split(',')
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(0.0);
            if READS.contains(&name) {
                calls.reads += count;
            } else if !NEITHER.contains(&name) {
                calls.writes += count;
            }
        }
        calls
    }

    /// Since then, for each of so many.
    pub(super) fn since(self, earlier: Self, count: usize) -> Self {
        Self {
            writes: (self.writes - earlier.writes) / count as f64,
            reads: (self.reads - earlier.reads) / count as f64,
        }
    }
}

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let redis = app.redis().context("its store is Redis")?;
    let record = &mut taking.record;
    let mut connection = app.connect();

    // First, while there is nothing that the keeper could look at meanwhile.
    let id = app.enqueue(&mut connection, Task::Echo);
    app.wait_for(&mut connection, &id);
    let before = Calls::of(redis);
    for _ in 0..ASKED {
        app.is_done(&mut connection, &id);
    }
    record("status_reads", Calls::of(redis).since(before, ASKED).reads);

    app.pause();
    let before = Calls::of(redis);
    for _ in 0..ASKED {
        app.enqueue(&mut connection, Task::Echo);
    }
    let enqueue = Calls::of(redis).since(before, ASKED);
    record("enqueue_writes", enqueue.writes);
    record("enqueue_reads", enqueue.reads);

    let before_bytes = used_bytes(redis);
    let waiting = app.enqueue_many(Task::Echo, DRAINED);
    record(
        "waiting_bytes",
        (used_bytes(redis) - before_bytes) / DRAINED as f64,
    );

    let before = Calls::of(redis);
    app.resume();
    app.wait_slowly_for(&mut connection, &waiting[DRAINED - 1]);
    let drain = Calls::of(redis).since(before, DRAINED + ASKED);
    record("run_writes", drain.writes);
    record("run_reads", drain.reads);
    Ok(())
}

fn used_bytes(redis: &Redis) -> f64 {
    let info = redis.ask("INFO memory");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|bytes| bytes.trim().parse().ok())
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_counts_is_read_or_written() {
        let before = Calls::parse("# Commandstats\r\ncmdstat_get:calls=5,usec=1\r\n");
        let after = Calls::parse(
            "# Commandstats\r\ncmdstat_get:calls=9,usec=1,usec_per_call=0.1\r\ncmdstat_config|set:calls=3,usec=1\r\n\
             cmdstat_incrby:calls=4,usec=1\r\ncmdstat_mset:calls=2,usec=1\r\ncmdstat_evalsha:calls=7,usec=1\r\n",
        );
        let each = after.since(before, 2);
        assert_eq!((each.writes, each.reads), (3.0, 2.0));
    }
}
