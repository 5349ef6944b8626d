//! The article's: FastAPI behind gunicorn, Celery and Redis.

use std::process::Command;

use anyhow::Result;
use handoff_e2e::Redis;
use tempfile::TempDir;

use super::{address, needs_redis, ready, start};
use crate::api::Api;
use crate::system::{Parts, Peer, System};
use crate::tools::{self, Tools};

const NAME: &str = "fastapi";

/// The packages whose versions are told.
const PACKAGES: [&str; 6] = [
    "fastapi", "gunicorn", "uvicorn", "celery", "redis", "hiredis",
];

/// FastAPI with Celery.
pub(super) fn system() -> System {
    System {
        name: NAME,
        title: "FastAPI + Celery",
        setup: "gunicorn with 2 uvicorn workers (uvloop, httptools), sync endpoints as in the article; a Celery prefork worker \
            with 2 processes, without gossip, mingle and heartbeat, `worker_prefetch_multiplier = 128` as its guide says \
            for short tasks, `broker_pool_limit = 40`; a batch is a `group`; redis-py with hiredis; Redis without persistence",
        acknowledged: "it is in the memory of Redis; a task that runs when its worker dies is lost (Celery's default, `acks_late` is off)",
        api: Api::Peer {
            compute_below: 500_000,
        },
        waiting_max: usize::MAX,
        install,
        start: start_all,
    }
}

fn install(tools: &Tools) -> Result<String> {
    needs_redis()?;
    let folder = tools.install(NAME, |folder| {
        tools::run(
            Command::new("python3")
                .args(["-m", "venv", "venv"])
                .current_dir(folder),
        )?;
        let mut pip = Command::new(folder.join("venv/bin/pip"));
        pip.args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            "requirements.txt",
        ]);
        tools::run(pip.current_dir(folder))
    })?;
    let mut freeze = Command::new(folder.join("venv/bin/pip"));
    let installed = tools::output(freeze.args(["--disable-pip-version-check", "freeze"]))?;
    let lines = installed.lines().filter_map(|line| {
        let (name, version) = line.split_once("==")?;
        let wanted = PACKAGES.contains(&name.split('[').next()?);
        wanted.then(|| format!("{name} {version}"))
    });
    let python = tools::version(folder.join("venv/bin/python"))?;
    Ok(lines.chain([python]).collect::<Vec<_>>().join(", "))
}

fn start_all(tools: &Tools) -> Result<Parts> {
    let code = tools.folder.join(NAME);
    let programs = code.join("venv/bin");
    let folder = TempDir::new()?;
    let redis = Redis::start_in_memory(folder.path());
    let url = format!("{}/0", redis.url());
    let home = folder.path().to_string_lossy();
    // gunicorn keeps a socket in its user's home, Python compiled files beside the code.
    let environment = [
        ("REDIS_URL", url.as_str()),
        ("HOME", &home),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ];
    let mut server = start(
        "gunicorn",
        &code,
        folder.path(),
        &environment,
        &programs.join("gunicorn"),
        &[
            "--workers",
            "2",
            "--worker-class",
            "uvicorn_worker.UvicornWorker",
            "--keep-alive",
            "75",
            "--bind",
            "127.0.0.1:0",
            "main:app",
        ],
    );
    let mut worker = start(
        "celery",
        &code,
        folder.path(),
        &environment,
        &programs.join("celery"),
        &[
            "-A",
            "tasks",
            "worker",
            "--concurrency",
            "2",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel",
            "INFO",
        ],
    );
    let address = address(&mut server, "Listening at: http://");
    ready(&mut worker, " ready.");
    Ok(Parts::Peer(Peer {
        server,
        workers: vec![worker],
        redis,
        _folder: folder,
        address,
    }))
}
