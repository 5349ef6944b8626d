//! A deployment of the shipped components, of which each seed has its own: its clock, its store, its hosts, and how long
//! these let an instance live.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use serde_json::Value;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::pipe::SinkOutputStream;
use wasmtime_wasi_http::WasiBody;

use super::dice::Dice;
use super::store::{FaultyStore, Rates};
use super::time::Virtual;
use crate::app::{self, App, Component, Permits};
use crate::clock::Clock;
use crate::engine::{self, Cache};
use crate::lifetime::Lifetime;
use crate::manifest::{HttpTrigger, Manifest};
use crate::routes::Routes;
use crate::{outbound, server, variables};

/// More at once would be answered 503.
const INSTANCES_MAX: u32 = 200;
/// As on Akamai Functions.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const WORKER_BUDGET: &str = "10s";
/// Clocks of hosts differ by less than the protocol allows.
const SKEW_MAX_MS: u64 = 2_999;

/// How a host treats its instances, and what the deployment says of it.
const LIFETIMES: [(Lifetime, &str); 3] = [
    (Lifetime::AfterResponse, "after-response"),
    (Lifetime::Response, "response"),
    (Lifetime::Request, "tick"),
];

type Components = HashMap<String, Arc<Component>>;

/// The components, compiled, as they are under each lifetime.
pub(super) struct Deployment {
    routes: Vec<HttpTrigger>,
    components: Vec<Components>,
}

impl Deployment {
    pub(super) fn load(root: &Path) -> Result<Self> {
        let engine = engine::start(INSTANCES_MAX)?;
        let cache = Cache::open(&root.join("target/host-simulation"));
        let load = |(_, said): &(Lifetime, &str)| {
            let mut manifest = Manifest::load(&root.join("spin.toml"))?;
            let of_queue = |name: &String| matches!(name.as_str(), "handoff" | "handoff-worker");
            manifest.component.retain(|name, _| of_queue(name));
            for component in manifest.component.values_mut() {
                let variable = ("HANDOFF_WORKER_LIFETIME".to_owned(), (*said).to_owned());
                component.environment.extend([variable]);
            }
            let flags = [
                ("fault_tasks", "true"),
                ("log", "off"),
                ("worker_budget", WORKER_BUDGET),
            ];
            let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let values = variables::resolve(&manifest.variables, &flags, |_| None)?;
            app::components(&engine, &cache, &manifest, root, &values)
        };
        Ok(Self {
            routes: Manifest::load(&root.join("spin.toml"))?.trigger.http,
            components: LIFETIMES.iter().map(load).collect::<Result<_>>()?,
        })
    }
}

/// What came of a request: nothing where its instance ended.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    pub(super) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// One seed's deployment.
pub(super) struct World {
    /// On each of its hosts, which share the store.
    hosts: Vec<Arc<App>>,
    pub store: Arc<FaultyStore>,
    pub dice: Arc<Dice>,
    pub clock: Virtual,
    /// Nothing goes wrong from the start.
    pub calm: bool,
    /// Workers are only held by `/healthz`.
    pub needs_ticks: bool,
}

impl World {
    pub(super) fn new(deployment: &Deployment, seed: u64, record: bool) -> Result<Self> {
        let dice = Arc::new(Dice::new(seed));
        let clock = Virtual::begin(Duration::from_millis(began_ms(seed)));
        let rates = Rates::of(&dice);
        let calm = seed.is_multiple_of(4);
        let rates = if calm { rates.calm() } else { rates };
        let store = FaultyStore::new(dice.clone(), rates, clock, record);
        let store = Arc::new(store);
        let number = (seed / 4 % LIFETIMES.len() as u64) as usize;
        let skew_ms = dice.pick(&[0, SKEW_MAX_MS]);
        let host = |_| {
            let ahead = Duration::from_millis(dice.below(skew_ms + 1));
            let app = App {
                clock: Clock::still(),
                components: deployment.components[number].clone(),
                routes: Routes::new(&deployment.routes)?,
                store: store.clone(),
                client: outbound::client(),
                permits: Permits::new(INSTANCES_MAX),
                request_timeout: REQUEST_TIMEOUT,
                lifetime: LIFETIMES[number].0,
                count_calls: false,
                address: SocketAddr::from(([127, 0, 0, 1], 3000)),
                prepare: prepare(dice.clone(), clock, ahead, record),
            };
            Ok(Arc::new(app))
        };
        Ok(Self {
            hosts: (0..dice.pick(&[1, 2])).map(host).collect::<Result<_>>()?,
            store,
            dice,
            clock,
            calm,
            needs_ticks: LIFETIMES[number].0 == Lifetime::Request,
        })
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
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost:3000")
            .header(CONTENT_TYPE, "application/json")
            .body(body)?;
        let host = &self.hosts[self.dice.below(self.hosts.len() as u64) as usize];
        let response = server::answer(host, request, host.address).await;
        let status = response.status().as_u16();
        // The instance may end before its body does.
        let body = match response.into_body().collect().await {
            Ok(whole) => serde_json::from_slice(&whole.to_bytes()).unwrap_or_default(),
            Err(_) => {
                return Ok(Reply {
                    status: 0,
                    body: Value::Null,
                });
            }
        };
        Ok(Reply { status, body })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        let called = self.call(Method::POST, path, Some(body)).await;
        called.with_context(|| path.to_owned())
    }
}

/// Some seeds begin shortly before midnight.
fn began_ms(seed: u64) -> u64 {
    const DAY_MS: u64 = 86_400_000;
    let days_ms = 20_700 * DAY_MS;
    match seed % 3 {
        0 => days_ms - 15_000,
        _ => days_ms + 36_000_000,
    }
}

/// Gives each instance virtual time, on a host whose clock is ahead by so much, and random bits from the seed.
fn prepare(
    dice: Arc<Dice>,
    clock: Virtual,
    ahead: Duration,
    prints: bool,
) -> Box<dyn Fn(&mut WasiCtxBuilder) + Send + Sync> {
    Box::new(move |wasi| {
        wasi.wall_clock(clock.ahead(ahead))
            .monotonic_clock(clock)
            .secure_random(dice.split())
            .insecure_random(dice.split())
            .insecure_random_seed(u128::from(dice.below(u64::MAX)));
        if !prints {
            wasi.stdout(SinkOutputStream).stderr(SinkOutputStream);
        }
    })
}
