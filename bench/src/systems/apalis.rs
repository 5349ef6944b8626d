//! apalis, a queue in Rust, behind axum.

use std::env;
use std::process::Command;

use anyhow::Result;
use handoff_e2e::{Redis, workspace};
use tempfile::TempDir;

use super::{address, needs_redis, ready, start};
use crate::api::Api;
use crate::system::{Parts, Peer, System};
use crate::tools::{self, Tools};

const NAME: &str = "apalis";
const PACKAGES: [&str; 3] = ["apalis", "apalis-redis", "axum"];

/// apalis.
pub(super) fn system() -> System {
    System {
        name: NAME,
        title: "apalis",
        setup: "axum in one process, a worker in another, both on tokio's threads: `.parallelize(tokio::spawn)`, `batch_size(100)`, \
            asking Redis every 20 ms (1.0.0 puts every task among those that are due later, of which Redis tells nobody), \
            `heartbeat_interval` 100 ms (results are at times written with the next heartbeat only, by default after 30 s); \
            computing by `spawn_blocking`; a batch is a `push_all`; drained 5,000 at a time (its fetch script fails for good when \
            more than about 8,000 are due); Redis without persistence",
        acknowledged: "it is in the memory of Redis",
        api: Api::Peer {
            compute_below: 3_000_000,
        },
        waiting_max: 5_000,
        install,
        start: start_all,
    }
}

fn install(tools: &Tools) -> Result<String> {
    needs_redis()?;
    let code = workspace("bench/peers").join(NAME);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--release", "--locked", "--quiet"])
        .current_dir(&code);
    eprintln!("==> building {NAME} (a minute or two the first time)");
    tools::run(build.env("CARGO_TARGET_DIR", tools.folder.join(NAME)))?;
    let lock = std::fs::read_to_string(code.join("Cargo.lock"))?;
    let versions = PACKAGES.iter().filter_map(|package| {
        let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
        Some(format!("{package} {}", rest.split('"').next()?))
    });
    Ok(versions.collect::<Vec<_>>().join(", "))
}

fn start_all(tools: &Tools) -> Result<Parts> {
    let program = tools.folder.join(NAME).join("release/bench-apalis");
    let folder = TempDir::new()?;
    let redis = Redis::start_in_memory(folder.path());
    let url = redis.url();
    let environment = [("REDIS_URL", url.as_str())];
    let part = |name| {
        start(
            name,
            folder.path(),
            folder.path(),
            &environment,
            &program,
            &[name],
        )
    };
    let (mut server, mut worker) = (part("server"), part("worker"));
    let address = address(&mut server, "Serving http://");
    ready(&mut worker, "ready");
    Ok(Parts::Peer(Peer {
        server,
        workers: vec![worker],
        redis,
        _folder: folder,
        address,
    }))
}
