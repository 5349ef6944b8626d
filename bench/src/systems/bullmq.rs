//! BullMQ on Node, behind fastify.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use handoff_e2e::Redis;
use tempfile::TempDir;

use super::{address, needs_redis, ready, start};
use crate::api::Api;
use crate::system::{Parts, Peer, System};
use crate::tools::{self, Tools};

const NAME: &str = "bullmq";

/// BullMQ.
pub(super) fn system() -> System {
    System {
        name: NAME,
        title: "BullMQ",
        setup: "fastify in one Node process; 2 worker processes, since one computes on one core only, with `concurrency: 500` each; \
            a batch is an `addBulk`; Redis without persistence",
        acknowledged: "it is in the memory of Redis",
        api: Api::Peer {
            compute_below: 3_000_000,
        },
        waiting_max: usize::MAX,
        install,
        start: start_all,
    }
}

fn install(tools: &Tools) -> Result<String> {
    needs_redis()?;
    let node = tools::version("node")?;
    let folder = tools.install(NAME, |folder| {
        tools::run(
            Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"])
                .current_dir(folder),
        )
    })?;
    let mut list = Command::new("npm");
    let list = tools::output(
        list.args(["ls", "--depth", "0", "--parseable", "--long"])
            .current_dir(folder),
    )?;
    // FOLDER:NAME@VERSION, this package itself first.
    let packages = list
        .lines()
        .skip(1)
        .filter_map(|line| line.rsplit(':').next());
    let packages: Vec<_> = packages.map(|package| package.replace('@', " ")).collect();
    Ok(format!("{}, Node {node}", packages.join(", ")))
}

fn start_all(tools: &Tools) -> Result<Parts> {
    let code = tools.folder.join(NAME);
    let folder = TempDir::new()?;
    let redis = Redis::start_in_memory(folder.path());
    let url = redis.url();
    let environment = [("REDIS_URL", url.as_str()), ("NODE_ENV", "production")];
    let node = |name, arguments: &[&str]| {
        start(
            name,
            &code,
            folder.path(),
            &environment,
            Path::new("node"),
            arguments,
        )
    };
    let mut server = node("server", &["server.js"]);
    let mut workers = vec![
        node("worker-1", &["worker.js", "500"]),
        node("worker-2", &["worker.js", "500"]),
    ];
    let address = address(&mut server, "Serving http://");
    workers.iter_mut().for_each(|worker| ready(worker, "ready"));
    Ok(Parts::Peer(Peer {
        server,
        workers,
        redis,
        _folder: folder,
        address,
    }))
}
