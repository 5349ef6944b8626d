//! The check of `/readyz` that the application is ready, with the worker's help.

use crate::clock::sleep_ms;
use crate::count::counted;
use crate::env::HostEnv;
use crate::host::workers::{self, HOW_TO_REACH_WORKERS};
use crate::http::client;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::lifetime::{VARIABLE, lifetime};
use crate::store::HostStore;
use crate::usable;
use crate::variables;
use futures::future::{join, join_all};
use handoff_probe::{Lifetime, LifetimeProbe, Unready, WORK_MS, is_probe_key, ready};
use handoff_queue::{Env, Store};
use handoff_wire::{Call, Handler, in_time};
use serde::Deserialize;
use spin_sdk::http::ResponseOutparam;

/// Probes the store, also from several worker instances at once. Returns how long instances live, as
/// far as this host is asked.
///
/// # Errors
/// 503 that names the store's fault, or why no worker answered. 500 if a worker can't use its
/// variables.
pub async fn probe(store: &HostStore) -> Result<Option<Lifetime>, Problem> {
    ready(store, &HostEnv, workers::ask, async || {
        check_deployment(store).await
    })
    .await
    .map_err(|e| match e {
        Unready::Store(reason) => Problem::unavailable(format!("The store is not ready: {reason}")),
        Unready::Worker(reason) => Problem::worker_unreachable(format!(
            "No worker answers as it should: {reason}. {HOW_TO_REACH_WORKERS}"
        )),
        Unready::Variables(wrong) => usable::problem(Vec::new(), wrong),
        Unready::Deployment(reason) => Problem::misconfigured(reason),
    })
}

/// How long a handler may take for an answer to `/reach/{kind}`: less than a probe in all.
const REACH_TIMEOUT_MS: u64 = 1_500;

/// Checks what several components must have in common, and finds out how long instances live.
async fn check_deployment(store: &HostStore) -> Result<Option<Lifetime>, Unready> {
    let checked = async {
        match check_worker_agrees().await {
            Ok(()) => check_handlers_are_there().await,
            wrong => wrong,
        }
    };
    let (checked, lifetime) = join(checked, workers::lifetime(store, &HostEnv)).await;
    checked.map_err(|problem| Unready::Deployment(problem.detail))?;
    lifetime
}

/// What to do where the host lets an instance live shorter than the deployment says.
pub fn lifetime_warning(found: Lifetime) -> Option<String> {
    if found <= lifetime() {
        return None;
    }
    let ends = match found {
        Lifetime::Tick => "nobody waits for its response any more",
        Lifetime::Response | Lifetime::AfterResponse => "its response is complete",
    };
    Some(format!(
        "this host ends an instance when {ends}. Workers end while they run tasks, and the tasks run again after 20 s. Set {VARIABLE} = \"{found}\" in `environment` of [component.handoff] and of [component.handoff-worker]"
    ))
}

/// A worker instance's part in finding out how long it lives, at `/lifetime/{probe}`.
pub async fn live(name: &str, out: ResponseOutparam) {
    let Some(probe) = LifetimeProbe::named(name) else {
        let problem = Problem::not_found(format!("no probe is named {name:?}"));
        return Response::from(problem).send(out);
    };
    let held = match probe {
        LifetimeProbe::Response | LifetimeProbe::Held => Response::empty(202).hold(out),
        LifetimeProbe::AfterResponse => {
            Response::empty(202).send(out);
            None
        }
        LifetimeProbe::Caller => {
            let started = workers::start(LifetimeProbe::Response).await;
            let response = match started {
                Ok(()) => Response::empty(202),
                Err(reason) => Problem::worker_unreachable(reason).into(),
            };
            return response.send(out);
        }
    };
    sleep_ms(WORK_MS).await;
    let counted = match HostStore::open() {
        Ok(store) => store.increment(&probe.counter(), 1).await.map(drop),
        Err(problem) => return HostEnv.log(&problem.detail),
    };
    if let Err(e) = counted {
        HostEnv.log(&e.to_string());
    }
    drop(held);
}

/// Has another worker instance try whether the handler of a kind can be called.
///
/// # Errors
/// Why it can't, and what to do.
pub async fn try_handler(kind: &str) -> Result<(), String> {
    workers::reach(kind).await
}

/// Checks that a worker has the same variables, as far as both use them.
async fn check_worker_agrees() -> Result<(), Problem> {
    let differing = workers::differing(&variables::shared()?).await;
    if differing.is_empty() {
        return Ok(());
    }
    let names = differing.join(", ");
    Err(Problem::misconfigured(format!(
        "the worker is given other values than the API for: {names}. Give [component.handoff-worker.variables] the same as \
         [component.handoff.variables]; what begins with HANDOFF_ is in their environment"
    )))
}

/// A worker instance's answer to `/shared`: the names of the variables that differ.
///
/// # Errors
/// If the request can't be read.
pub async fn differing(request: Request) -> Result<Response, Problem> {
    const MAX_BYTES: u64 = 1 << 20;
    let (theirs, _): (Shared, _) = request.json(|| Ok(MAX_BYTES)).await?;
    Ok(Response::json(200, &variables::differing(&theirs.shared)?))
}

/// The texts of shared variables.
#[derive(Deserialize)]
struct Shared {
    shared: Vec<String>,
}

/// Checks that the handlers that are components of the application are there, all at once.
async fn check_handlers_are_there() -> Result<(), Problem> {
    let handlers = variables::handlers()?;
    let mut called: Vec<(&str, &Handler)> = Vec::new();
    for (kind, handler) in handlers.all().filter(|(_, handler)| handler.is_inside()) {
        if !called.iter().any(|(_, other)| other.url == handler.url) {
            called.push((kind, handler));
        }
    }
    let reach = async |(kind, handler): (&str, &Handler)| {
        let reached = workers::reach(kind).await;
        reached.map_err(|reason| {
            let url = handler.shown_url();
            Problem::misconfigured(format!(
                "the variable \"handlers\" has tasks {kind:?} run by {url}: {reason}. Check how the component is spelt there; it needs a \
                 route (route = {{ private = true }} will do), and a place in allowed_outbound_hosts of [component.handoff-worker]"
            ))
        })
    };
    let reached = join_all(called.into_iter().map(reach)).await;
    reached.into_iter().collect()
}

/// A worker instance's answer to `/reach/{kind}`: any answer of the handler will do.
///
/// # Errors
/// 502 that says why there was none.
pub async fn reach(kind: &str) -> Result<Response, Problem> {
    let handlers = variables::handlers()?;
    let handler = handlers.named(kind).or_else(|| handlers.of(kind));
    let Some(handler) = handler else {
        return Err(Problem::not_found(format!("no handler is for {kind:?}")));
    };
    let call = client::open(Call {
        method: "OPTIONS".to_owned(),
        url: handler.url.clone(),
        headers: vec![("handoff-protocol".to_owned(), "1".to_owned())],
        body: Vec::new(),
        timeout_ms: REACH_TIMEOUT_MS,
        head_only: true,
    });
    match in_time(call, sleep_ms(REACH_TIMEOUT_MS), REACH_TIMEOUT_MS).await {
        Ok(_) => Ok(Response::empty(204)),
        Err(e) => Err(Problem::new(
            502,
            "handler-unreachable",
            "A handler can't be called",
            format!("{} can't be called: {e}", handler.shown_url()),
        )),
    }
}

/// A worker instance's answer to `/probe/{key}`.
pub async fn answer(key: &str) -> Result<Response, Problem> {
    if !is_probe_key(key) {
        return Err(Problem::not_found(format!("{key} is not a probe's key")));
    }
    Ok(Response::json(200, &counted(key).await))
}

/// Checks all variables, those of a worker only if one answers.
///
/// # Errors
/// 500 that names every variable that can't be used, and why.
pub async fn check_variables() -> Result<(), Problem> {
    let wrong = usable::api();
    if wrong.is_empty() {
        // A worker reports its own variables when it counts.
        return Ok(());
    }
    Err(usable::problem(wrong, workers::worker_variables().await))
}
