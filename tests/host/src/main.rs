//! Runs a spin.toml and its WASI 0.2 components on wasmtime: a host for development and tests. It starts in
//! milliseconds, can put faults into the store, and stops what runs too long. Production is for Spin.

mod allowed;
mod app;
mod clock;
mod count;
mod engine;
mod guest;
mod instance;
mod keyvalue;
mod lifetime;
mod manifest;
mod outbound;
mod outbound_postgres;
mod outbound_redis;
mod output;
mod patient;
mod routes;
mod say;
mod server;
#[cfg(test)]
mod simulation;
mod variables;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::net::TcpListener;

use crate::app::{App, Permits};
use crate::clock::Clock;
use crate::engine::Cache;
use crate::keyvalue::{Faults, Location};
use crate::lifetime::Lifetime;
use crate::manifest::Manifest;
use crate::routes::Routes;
use crate::say::say;

/// How many tasks a thread runs on before it looks at its sockets again. A guest that computes takes a whole engine tick
/// per step, and with tokio's default of 61 a few such guests keep all others waiting for a third of a second.
const STEPS_PER_POLL: u32 = 8;

/// Runs a spin.toml on wasmtime, for development and tests. In production, run the same files on Spin.
///
/// Prints `Serving http://ADDRESS` on stdout when it accepts requests, everything else on stderr.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The application
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: String,
    /// sqlite:PATH, redis://HOST:PORT or memory [default: sqlite:.handoff/store.db beside the manifest]
    #[arg(long, value_name = "STORE")]
    store: Option<Location>,
    /// A variable of the application; repeatable
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = parse_variable)]
    variables: Vec<(String, String)>,
    /// Set in the environment of every component; repeatable
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    environment: Vec<(String, String)>,
    /// Requests from outside that are served at once; more are answered 503
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    instances_max: u32,
    /// What computes or hangs longer is stopped
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = parse_seconds)]
    request_timeout: Duration,
    /// How long an instance may live, as on other hosts
    #[arg(long, value_name = "UNTIL", value_enum, default_value_t = Lifetime::AfterResponse)]
    lifetime: Lifetime,
    /// Where compiled components are kept [default: .handoff/cache beside the manifest]
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// For tests: store-slow=MS, store-fail or store-fail=N (every Nth call), store-busy, store-racy; repeatable
    #[arg(long = "fault", value_name = "FAULT", hide = true)]
    faults: Vec<String>,
    /// For tests: print what each instance asked of the host
    #[arg(long, hide = true)]
    count_calls: bool,
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "write a number of seconds, as in 600 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let run = || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .event_interval(STEPS_PER_POLL)
            .enable_all()
            .build()?;
        let result = runtime.block_on(run(args));
        // Ending is as abrupt as a crash on purpose: what must survive one is in the store already.
        runtime.shutdown_background();
        result
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let mut manifest = Manifest::load(&args.manifest)?;
    for component in manifest.component.values_mut() {
        component.environment.extend(args.environment.clone());
    }
    let values = variables::resolve(&manifest.variables, &args.variables, |key| {
        std::env::var(key).ok()
    })?;
    let folder = args.manifest.parent().unwrap_or(Path::new(""));
    let own = folder.join(".handoff");
    let faults = Faults::parse(&args.faults)?;

    let engine = engine::start(args.instances_max)?;
    let cache = Cache::open(&args.cache.unwrap_or_else(|| own.join("cache")));
    let components = app::components(&engine, &cache, &manifest, folder, &values)?;

    let location = args
        .store
        .unwrap_or_else(|| Location::Sqlite(own.join("store.db")));
    let (store, store_name) = keyvalue::open(&location).await?;
    let listener = TcpListener::bind(&args.listen).await.with_context(|| {
        format!(
            "--listen {}: not possible; give a free address and port",
            args.listen
        )
    })?;
    let address = listener.local_addr()?;
    let app = Arc::new(App {
        clock: Clock::start(&engine)?,
        components,
        routes: Routes::new(&manifest.trigger.http)?,
        store: faults.wrap(store),
        client: outbound::client(),
        permits: Permits::new(args.instances_max),
        request_timeout: args.request_timeout,
        lifetime: args.lifetime,
        count_calls: args.count_calls,
        address,
        prepare: Box::new(|_| {}),
    });
    say(format!(
        "{} on a host for development and tests (production: Spin); store: {store_name}",
        manifest.application.name
    ));
    let mut stop = Stop::new()?;
    // Whoever started the host may have closed its stdout; it serves all the same.
    let mut stdout = std::io::stdout();
    _ = writeln!(stdout, "Serving http://{address}").and_then(|()| stdout.flush());
    tokio::select! {
        () = server::serve(app, listener) => {}
        () = stop.wait() => {}
    }
    Ok(())
}

/// Ctrl-C, and SIGTERM where there is one.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        {
            _ = tokio::signal::ctrl_c().await;
        }
    }
}
