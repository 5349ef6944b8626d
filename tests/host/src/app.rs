//! A loaded application: its components, ready to be instantiated, and what they share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::p2;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::allowed::AllowedHosts;
use crate::clock::Clock;
use crate::engine::Cache;
use crate::guest::{self, Guest};
use crate::keyvalue::Store;
use crate::lifetime::Lifetime;
use crate::manifest::{self, Manifest};
use crate::outbound::HttpClient;
use crate::outbound_postgres::Pools;
use crate::routes::Routes;
use crate::variables::{Values, expand};

/// Probes that are answered at once when all else is taken.
const PROBES: u32 = 8;
/// Room for calls from one component to the next even when --instances-max is tiny.
const CHAINED_SPARE: u32 = 8;

pub(crate) struct App {
    pub clock: Arc<Clock>,
    pub components: HashMap<String, Arc<Component>>,
    pub routes: Routes,
    pub store: Arc<dyn Store>,
    pub client: HttpClient,
    pub permits: Permits,
    pub request_timeout: Duration,
    pub lifetime: Lifetime,
    /// Whether each instance's calls are printed.
    pub count_calls: bool,
    /// Where it listens.
    pub address: SocketAddr,
    /// Changes what each instance gets of WASI, such as its clock.
    pub prepare: Box<dyn Fn(&mut WasiCtxBuilder) + Send + Sync>,
}

/// Who may have an instance. All kinds together are fewer than the pool has: the rest is for components without a
/// public route, so that workers find room whatever others call.
pub(crate) struct Permits {
    /// Requests from outside.
    pub outer: Arc<Semaphore>,
    /// Probes from outside when all of those are used up.
    pub probes: Arc<Semaphore>,
    /// Calls from one component to another that has a public route.
    pub chained: Arc<Semaphore>,
}

impl Permits {
    pub(crate) fn new(instances_max: u32) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Self {
            outer: semaphore(instances_max),
            probes: semaphore(PROBES),
            chained: semaphore(instances_max.saturating_add(CHAINED_SPARE)),
        }
    }
}

/// A component and what its manifest gives it.
pub(crate) struct Component {
    pub name: Arc<str>,
    pub pre: ProxyPre<Guest>,
    pub stores: Vec<String>,
    pub allowed: AllowedHosts,
    pub variables: Values,
    pub environment: Vec<(String, String)>,
    pub postgres: Pools,
}

/// Loads all components of a manifest that stands in `folder`.
pub(crate) fn components(
    engine: &Engine,
    cache: &Cache,
    manifest: &Manifest,
    folder: &Path,
    values: &Values,
) -> Result<HashMap<String, Arc<Component>>> {
    let linker = guest::linker(engine)?;
    let load = |(name, declared): (&String, &manifest::Component)| {
        let component = load(engine, &linker, cache, name, declared, folder, values)
            .with_context(|| format!("[component.{name}]"))?;
        Ok((name.clone(), Arc::new(component)))
    };
    manifest.component.iter().map(load).collect()
}

/// What takes the requests of a component, of either version of `wasi:http`.
fn handler(pre: InstancePre<Guest>) -> Result<ProxyPre<Guest>> {
    match ServicePre::new(pre.clone()) {
        Ok(service) => Ok(ProxyPre::P3(service)),
        Err(_) => Ok(ProxyPre::P2(p2::bindings::ProxyPre::new(pre)?)),
    }
}

fn load(
    engine: &Engine,
    linker: &Linker<Guest>,
    cache: &Cache,
    name: &str,
    declared: &manifest::Component,
    folder: &Path,
    values: &Values,
) -> Result<Component> {
    let path = folder.join(&declared.source);
    let wasm = std::fs::read(&path).with_context(|| {
        format!(
            "source {}: cannot be read; build it: {}",
            path.display(),
            declared.build_command()
        )
    })?;
    let compiled = cache.component(engine, &wasm).with_context(|| {
        format!(
            "source {}: not a component that can be compiled; build it for wasm32-wasip2",
            path.display()
        )
    })?;
    let pre = linker
        .instantiate_pre(&compiled)
        .map_err(anyhow::Error::from)
        .with_context(|| {
            format!(
                "source {}: imports what this host does not have; run the application on Spin",
                path.display()
            )
        })?;
    let pre = handler(pre).with_context(|| {
        format!(
            "source {}: exports neither wasi:http/incoming-handler@0.2 nor wasi:http/handler@0.3, so no request can reach it",
            path.display()
        )
    })?;
    let variables = declared
        .variables
        .iter()
        .map(|(key, template)| {
            Ok((
                key.clone(),
                expand(
                    template,
                    values,
                    &format!("[component.{name}.variables] {key}"),
                )?,
            ))
        })
        .collect::<Result<Values>>()?;
    let allowed = declared
        .allowed_outbound_hosts
        .iter()
        .map(|entry| expand(entry, values, "allowed_outbound_hosts entry"))
        .collect::<Result<Vec<_>>>()?;
    Ok(Component {
        name: name.into(),
        pre,
        stores: declared.key_value_stores.clone(),
        allowed: AllowedHosts::parse(&allowed)?,
        variables,
        environment: declared.environment.clone().into_iter().collect(),
        postgres: Pools::default(),
    })
}
