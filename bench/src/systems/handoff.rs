//! This project, on each host and store.

use anyhow::{Context, Error, Result};
use handoff_e2e::{Host, Pair};

use crate::api::Api;
use crate::system::{Parts, System};
use crate::tools::{self, Tools};

const IN_MEMORY: &str = "it is in the memory of Redis";
const FSYNCED: &str = "it is on the disk (Redis with `appendfsync always`)";
const COMMITTED: &str = "it is on the disk (a SQLite transaction was synced)";

const SYNCED: &str = "it is on the disk (a Postgres transaction was synced)";

/// Handoff with the same Redis as the peers, with a Redis that keeps what it acknowledged, with SQLite, and with Postgres.
pub(super) fn systems() -> Vec<System> {
    vec![
        system(
            "local-redis",
            "Handoff, local host, Redis",
            "the local host with its defaults; Redis without persistence",
            IN_MEMORY,
            |_| install(Pair::LOCAL_REDIS_IN_MEMORY),
            |_| start(Pair::LOCAL_REDIS_IN_MEMORY),
        ),
        system(
            "spin-redis",
            "Handoff, Spin, Redis",
            "Spin with its defaults; Redis without persistence",
            IN_MEMORY,
            |_| install(Pair::SPIN_REDIS_IN_MEMORY),
            |_| start(Pair::SPIN_REDIS_IN_MEMORY),
        ),
        system(
            "local-redis-fsync",
            "Handoff, local host, Redis fsynced",
            "the local host with its defaults; Redis with `appendonly yes`, `appendfsync always`",
            FSYNCED,
            |_| install(Pair::LOCAL_REDIS),
            |_| start(Pair::LOCAL_REDIS),
        ),
        system(
            "local-sqlite",
            "Handoff, local host, SQLite",
            "the local host with its defaults, which keeps tasks in a SQLite file",
            COMMITTED,
            |_| install(Pair::LOCAL_SQLITE),
            |_| start(Pair::LOCAL_SQLITE),
        ),
        system(
            "spin-sqlite",
            "Handoff, Spin, SQLite",
            "Spin with its defaults, which keeps tasks in a SQLite file",
            COMMITTED,
            |_| install(Pair::SPIN_SQLITE),
            |_| start(Pair::SPIN_SQLITE),
        ),
        system(
            "local-postgres",
            "Handoff, local host, Postgres",
            "the local host with its defaults; Postgres with its defaults, which the components reach",
            SYNCED,
            |_| install(Pair::LOCAL_POSTGRES),
            |_| start(Pair::LOCAL_POSTGRES),
        ),
        system(
            "spin-postgres",
            "Handoff, Spin, Postgres",
            "Spin with its defaults; Postgres with its defaults, which the components reach",
            SYNCED,
            |_| install(Pair::SPIN_POSTGRES),
            |_| start(Pair::SPIN_POSTGRES),
        ),
    ]
}

fn system(
    name: &'static str,
    title: &'static str,
    setup: &'static str,
    acknowledged: &'static str,
    install: fn(&Tools) -> Result<String>,
    start: fn(&Tools) -> Result<Parts>,
) -> System {
    System {
        name,
        title,
        setup,
        acknowledged,
        api: Api::Handoff,
        waiting_max: usize::MAX,
        install,
        start,
    }
}

fn install(pair: Pair) -> Result<String> {
    pair.available().map_err(Error::msg)?;
    if pair.is_local() {
        return Ok(format!("Handoff {}", env!("CARGO_PKG_VERSION")));
    }
    let spin = std::env::var_os("HANDOFF_SPIN_BIN").context("it is available")?;
    tools::version(spin.to_string_lossy().as_ref())
}

fn start(pair: Pair) -> Result<Parts> {
    Ok(Parts::Handoff(Host::start(pair, &[])))
}
