//! What the host and its store allow: `bench/limit` makes the same store calls and nothing else, the two
//! taking turns.

use super::{Measurement, Taking, When, metric};
use crate::api::{Request, Task};
use crate::load;
use crate::results::Unit;
use anyhow::{Context, Result};
use handoff_e2e::{Host, workspace};
use std::net::SocketAddr;

const CONNECTIONS: u32 = 32;
/// How often the two take turns.
const TURNS: usize = 3;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "limit",
    when: When::AtRest,
    systems: &[
        "local-redis",
        "spin-redis",
        "local-redis-fsync",
        "local-sqlite",
        "spin-sqlite",
    ],
    metrics: &[
        metric(
            "limit_enqueue",
            "limit of enqueue: its store calls alone, concurrency 32",
            Unit::PerS,
        ),
        metric("of_limit_enqueue", "enqueue, of that", Unit::Percent),
        metric(
            "limit_status",
            "limit of status: its store calls alone, concurrency 32",
            Unit::PerS,
        ),
        metric("of_limit_status", "status, of that", Unit::Percent),
        metric(
            "limit_nothing",
            "limit of any request: an answer and nothing else, concurrency 32",
            Unit::PerS,
        ),
        metric(
            "of_limit_nothing",
            "a path that is not there, of that",
            Unit::Percent,
        ),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let pair = app.pair().context("it is this project")?;
    let mut connection = app.connect();
    let id = app.enqueue(&mut connection, Task::Echo);
    let limit = Host::start_other(pair, &workspace("bench/limit/spin.toml"));
    let get = |path: &str| Request {
        path: path.into(),
        body: None,
        is_refused: path == "/nowhere",
    };
    for (of_limit, key, alone, whole) in [
        (
            "of_limit_enqueue",
            "limit_enqueue",
            "/enqueue",
            app.api.ping(),
        ),
        (
            "of_limit_status",
            "limit_status",
            "/status",
            app.api.status(&id),
        ),
        (
            "of_limit_nothing",
            "limit_nothing",
            "/nothing",
            get("/nowhere"),
        ),
    ] {
        let per_s = |address: SocketAddr, request: &Request| {
            let load = load::run(
                address,
                request,
                CONNECTIONS,
                taking.scale.load_s,
                app.scratch(),
            );
            load.map(|load| load.per_s)
        };
        for _ in 0..TURNS {
            let most = per_s(limit.address(), &get(alone))?;
            (taking.record)(key, most);
            let reached = per_s(app.address(), &whole)?;
            (taking.record)(of_limit, reached / most * 100.0);
        }
    }
    Ok(())
}
