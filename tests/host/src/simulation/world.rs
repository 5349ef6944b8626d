//! A deployment of the shipped components. Each seed has its own: its clock, its store, its hosts, and
//! how long these let an instance live.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use serde_json::Value;
use tokio::time::sleep;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi_http::WasiBody;

use super::dice::Dice;
use super::store::{FaultyStore, HostStore, Rates};
use super::time::Virtual;
use crate::app::{self, App, Component, Permits};
use crate::clock::Clock;
use crate::engine::{self, Cache};
use crate::lifetime::Lifetime;
use crate::manifest::{HttpTrigger, Manifest};
use crate::routes::Routes;
use crate::{outbound, server, variables};

/// The components and the manifest of the last release.
const RELEASED: &str = "tests/host/released";
/// More at once would be answered 503.
const INSTANCES_MAX: u32 = 200;
const WORKER_BUDGET: &str = "10s";
/// Clocks of hosts differ by less than the protocol allows.
pub(super) const SKEW_MAX: Duration = Duration::from_millis(2_999);
/// Between two calls of `/healthz`, where they alone hold workers, and elsewhere.
const TICK: Duration = Duration::from_secs(15);
const RARE_TICK: Duration = Duration::from_secs(120);
/// Instances print less in one schedule.
const PRINTED_MAX: usize = 64 << 20;

/// How a host treats its instances, and what the deployment says of it.
const LIFETIMES: [(Lifetime, &str); 3] = [
    (Lifetime::AfterResponse, "after-response"),
    (Lifetime::Response, "response"),
    (Lifetime::Request, "tick"),
];

type Components = HashMap<String, Arc<Component>>;

/// Components of one version, as they are under each lifetime.
type Version = Vec<Components>;

/// The components, compiled.
pub(super) struct Deployment {
    routes: Vec<HttpTrigger>,
    /// Those that are built from this source.
    built: Version,
    /// Those of the last release.
    released: Version,
}

impl Deployment {
    /// Loads the components, for so many schedules at once.
    pub(super) fn load(root: &Path, at_once: u32) -> Result<Self> {
        let engine = engine::start(INSTANCES_MAX * at_once)?;
        let cache = Cache::open(&root.join("target/host-simulation"));
        let version = |folder: &Path, wasm: &str| -> Result<Version> {
            let load = |(_, said): &(Lifetime, &str)| {
                let mut manifest = manifest(folder)?;
                for component in manifest.component.values_mut() {
                    component.source = format!("{wasm}/handoff.wasm");
                    let variable = ("HANDOFF_WORKER_LIFETIME".to_owned(), (*said).to_owned());
                    component.environment.extend([variable]);
                }
                let flags = [
                    ("fault_tasks", "true"),
                    ("log", "tasks json"),
                    ("worker_budget", WORKER_BUDGET),
                ];
                let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
                let values = variables::resolve(&manifest.variables, &flags, |_| None)?;
                app::components(&engine, &cache, &manifest, folder, &values)
            };
            LIFETIMES.iter().map(load).collect()
        };
        Ok(Self {
            routes: manifest(root)?.trigger.http,
            built: version(root, "target/components")?,
            released: version(&root.join(RELEASED), ".")?,
        })
    }
}

/// A manifest, without the components that do not touch the queue.
fn manifest(folder: &Path) -> Result<Manifest> {
    let mut manifest = Manifest::load(&folder.join("spin.toml"))?;
    let of_queue = |name: &String| matches!(name.as_str(), "handoff" | "handoff-worker");
    manifest.component.retain(|name, _| of_queue(name));
    Ok(manifest)
}

/// The answer to a request; its status is 0 where the instance ended before its body did.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub body: Value,
    /// Faults were on when it was asked for.
    pub may_fail: bool,
}

impl Reply {
    pub(super) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

struct Host {
    app: Arc<App>,
    store: Arc<HostStore>,
}

/// One seed's deployment.
pub(super) struct World {
    /// All with the same store.
    hosts: Vec<Host>,
    /// Once an upgrade is over, or given up: the host that is left.
    left: OnceCell<usize>,
    pub store: Arc<FaultyStore>,
    pub dice: Arc<Dice>,
    pub clock: Virtual,
    printed: MemoryOutputPipe,
    /// Requests whose instance ended before its answer.
    cut_off: Cell<u64>,
    /// No fault from the start.
    pub calm: bool,
    /// Some tasks panic.
    pub panics: bool,
    /// Workers are only held by `/healthz`.
    pub needs_ticks: bool,
}

impl World {
    pub(super) fn new(deployment: &Deployment, seed: u64, record: bool) -> Result<Self> {
        let dice = Arc::new(Dice::new(seed));
        let clock = Virtual::begin(Duration::from_millis(dice.pick(&BEGINS_MS)));
        let (calm, rates) = (dice.chance(2_500), Rates::of(&dice));
        let rates = if calm { rates.calm() } else { rates };
        let store = Arc::new(FaultyStore::new(dice.clone(), rates, clock, record));
        let printed = MemoryOutputPipe::new(PRINTED_MAX);
        let number = dice.below(LIFETIMES.len() as u64) as usize;
        let lifetime = LIFETIMES[number].0;
        let skew = dice.pick(&[Duration::ZERO, SKEW_MAX]).as_millis() as u64;
        let request_timeout = Duration::from_secs(dice.pick(&[30, 600]));
        let (built, released) = (&deployment.built, &deployment.released);
        let versions = match dice.below(5) {
            0 => vec![released, built],
            1 | 2 => vec![built, built],
            _ => vec![built],
        };
        let host = |(name, version): (usize, &Version)| {
            let ahead = Duration::from_millis(dice.below(skew + 1));
            let store = Arc::new(HostStore::new(store.clone(), name));
            let app = App {
                clock: Clock::still(),
                components: version[number].clone(),
                routes: Routes::new(&deployment.routes)?,
                store: store.clone(),
                client: outbound::client(),
                permits: Permits::new(INSTANCES_MAX),
                request_timeout,
                lifetime,
                count_calls: false,
                address: SocketAddr::from(([127, 0, 0, 1], 3000)),
                prepare: prepare(dice.clone(), clock.ahead(ahead), printed.clone()),
            };
            let app = Arc::new(app);
            Ok(Host { app, store })
        };
        let hosts = versions.into_iter().enumerate().map(host);
        Ok(Self {
            hosts: hosts.collect::<Result<_>>()?,
            left: OnceCell::new(),
            store,
            clock,
            printed,
            cut_off: Cell::default(),
            calm,
            panics: dice.chance(6_000),
            needs_ticks: lifetime == Lifetime::Request,
            dice,
        })
    }

    pub(super) fn tick_every(&self) -> Duration {
        if self.needs_ticks { TICK } else { RARE_TICK }
    }

    fn any_host(&self) -> usize {
        let left = self.left.get().copied();
        left.unwrap_or_else(|| self.dice.below(self.hosts.len() as u64) as usize)
    }

    /// Ends the faults. One host is left, of whichever version. Without faults the other one does
    /// what it has begun.
    pub(super) fn settle(&self) {
        let left = *self.left.get_or_init(|| self.any_host());
        for (name, host) in self.hosts.iter().enumerate() {
            host.store.set_gone(name != left && !self.calm);
        }
        self.store.end_faults();
    }

    /// Until faults end: a cron job where one is needed, and hosts that die and come back.
    pub(super) async fn trouble(&self) -> Result<()> {
        while self.store.has_faults() {
            let dies = !self.calm && self.hosts.len() > 1 && self.dice.chance(1_000);
            if dies {
                let host = &self.hosts[self.any_host()];
                host.store.set_gone(true);
                sleep(Duration::from_secs(10)).await;
                if self.store.has_faults() {
                    host.store.set_gone(false);
                }
            }
            sleep(TICK).await;
            if self.needs_ticks || (!self.calm && self.dice.chance(2_000)) {
                self.tick().await?;
            }
        }
        Ok(())
    }

    /// The lines of all instances.
    pub(super) fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed.contents()).into_owned()
    }

    /// Calls the application as somebody outside does.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let body: WasiBody = Full::from(bytes)
            .map_err(|never| match never {})
            .boxed_unsync();
        let what = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost:3000")
            .header(CONTENT_TYPE, "application/json")
            .body(body)?;
        let may_fail = !self.calm && self.store.has_faults();
        let host = &self.hosts[self.any_host()].app;
        let response = server::answer(host, request, host.address).await;
        let mut status = response.status().as_u16();
        let body = match response.into_body().collect().await {
            Ok(whole) => serde_json::from_slice(&whole.to_bytes()).unwrap_or_default(),
            Err(_) => {
                status = 0;
                Value::Null
            }
        };
        let reply = Reply {
            status,
            body,
            may_fail,
        };
        self.check(&reply).context(what)?;
        Ok(reply)
    }

    /// Checks that a reply is right, or that a fault explains it.
    pub(super) fn check(&self, reply: &Reply) -> Result<()> {
        if reply.is_ok() {
            return Ok(());
        }
        ensure!(reply.status != 404, "acknowledged and lost: {reply:?}");
        ensure!(reply.may_fail, "without a fault: {reply:?}");
        let kind = reply.body["type"].as_str().unwrap_or_default();
        if reply.status == 0 || kind == "urn:handoff:problem:component-failed" {
            self.cut_off.set(self.cut_off.get() + 1);
            let ended = self.store.injected.ended.load(Ordering::Relaxed);
            ensure!(
                self.cut_off.get() <= ended,
                "an instance ended by itself: {reply:?}"
            );
            return Ok(());
        }
        ensure!(
            matches!(reply.status, 503 | 504),
            "no fault explains {reply:?}"
        );
        Ok(())
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// What a cron job does.
    pub(super) async fn tick(&self) -> Result<()> {
        self.get("/healthz").await.map(drop)
    }
}

/// Some seeds begin shortly before midnight.
const BEGINS_MS: [u64; 3] = [
    20_700 * DAY_MS + 36_000_000,
    20_700 * DAY_MS + 39_570_000,
    20_700 * DAY_MS - 15_000,
];
const DAY_MS: u64 = 86_400_000;

/// Gives each instance the virtual time of its host, and random bits from the seed.
fn prepare(
    dice: Arc<Dice>,
    clock: Virtual,
    printed: MemoryOutputPipe,
) -> Box<dyn Fn(&mut WasiCtxBuilder) + Send + Sync> {
    Box::new(move |wasi| {
        wasi.wall_clock(clock)
            .monotonic_clock(clock)
            .secure_random(dice.split())
            .insecure_random(dice.split())
            .insecure_random_seed(u128::from(dice.below(u64::MAX)))
            .stdout(printed.clone())
            .stderr(printed.clone());
    })
}
