//! Waking workers by service chaining.

use crate::clock::now_ms;
use crate::http::client;
use crate::store::HostStore;
use handoff_probe::{ASK_TIMEOUT_MS, Lifetime, LifetimeProbe, Unready};
use handoff_queue::Env;
use handoff_wire::{Call, CallError, Reply, WORKER_HOST};

/// The remedy if no worker answers.
pub(crate) const HOW_TO_REACH_WORKERS: &str = "See that spin.toml gives the component \"handoff-worker\" a private route and \
     environment = { HANDOFF_ROLE = \"worker\" }, and that allowed_outbound_hosts of [component.handoff] and of [component.handoff-worker] name \"http://handoff-worker.spin.internal\".";

/// The timeout of a lifetime probe. After it the lifetime is unknown.
const START_TIMEOUT_MS: u64 = 1_000;

/// Wakes a worker for a path. Returns when the worker is registered. It may hold its response open.
pub(crate) async fn wake(path: &str, timeout_ms: u64) -> Result<(), String> {
    let mut call = request(path, Vec::new(), timeout_ms);
    call.head_only = true;
    woken(client::send(call).await)
}

/// Wakes a worker for a path, and waits for its end.
pub(crate) async fn hold(path: &str, timeout_ms: u64) -> Result<(), String> {
    woken(call(path, timeout_ms).await)
}

fn woken(reply: Result<Reply, CallError>) -> Result<(), String> {
    match reply {
        Ok(reply) if reply.status == 202 => Ok(()),
        Ok(reply) => Err(format!("the worker answered {}", said(&reply))),
        Err(e) => Err(e.to_string()),
    }
}

/// Makes a worker instance increment the key.
pub(crate) async fn ask(key: &str) -> Result<Vec<u64>, Unready> {
    let reply = call(&format!("/probe/{key}"), ASK_TIMEOUT_MS).await;
    let reply = reply.map_err(|e| Unready::Worker(format!("http://{WORKER_HOST}: {e}")))?;
    match serde_json::from_slice(&reply.body) {
        Ok(counted) if reply.status == 200 => counted,
        _ => Err(Unready::Worker(format!(
            "http://{WORKER_HOST} answered {}",
            said(&reply)
        ))),
    }
}

/// Reads which variables a worker can't use. Returns none if no worker answers.
pub(crate) async fn worker_variables() -> Vec<String> {
    let reply = call("/variables", ASK_TIMEOUT_MS).await;
    let wrong = reply.map(|reply| serde_json::from_slice(&reply.body));
    wrong.ok().and_then(Result::ok).unwrap_or_default()
}

/// Asks a worker which of these variables differ from its own. Returns none if no worker answers.
pub(crate) async fn differing(shared: &[String]) -> Vec<String> {
    let body = serde_json::json!({"shared": shared})
        .to_string()
        .into_bytes();
    let reply = call_with("/shared", body, ASK_TIMEOUT_MS).await;
    let names = reply.map(|reply| serde_json::from_slice(&reply.body));
    names.ok().and_then(Result::ok).unwrap_or_default()
}

/// How long this host lets workers live, if that can be found out.
pub(crate) async fn lifetime(
    store: &HostStore,
    env: &impl Env,
) -> Result<Option<Lifetime>, Unready> {
    let start = async |probe| start(probe).await.map_err(Unready::Worker);
    let hold = async |probe| live(probe, false).await.map_err(Unready::Worker);
    handoff_probe::lifetime(store, env, start, hold).await
}

/// Starts an instance of which `/readyz` wants to know how long it lives.
///
/// # Errors
/// Why it can't be started. One that does not answer in time tells nothing: others answered before.
pub(crate) async fn start(probe: LifetimeProbe) -> Result<(), String> {
    live(probe, true).await
}

async fn live(probe: LifetimeProbe, head_only: bool) -> Result<(), String> {
    let path = format!("/lifetime/{}", probe.name());
    let mut call = request(&path, Vec::new(), START_TIMEOUT_MS);
    call.head_only = head_only;
    let end_ms = now_ms() + START_TIMEOUT_MS;
    match client::send(call).await {
        Ok(reply) if reply.status == 202 => Ok(()),
        Ok(reply) => Err(format!("http://{WORKER_HOST} answered {}", said(&reply))),
        Err(_) if now_ms() >= end_ms => Ok(()),
        Err(e) => Err(format!("http://{WORKER_HOST}: {e}")),
    }
}

/// Has another worker instance call the handler of a kind or pattern, since Spin ends an instance that
/// calls a component that is not there.
///
/// # Errors
/// Why it can't be called, and what to do.
pub(crate) async fn reach(kind: &str) -> Result<(), String> {
    match call(&format!("/reach/{kind}"), ASK_TIMEOUT_MS).await {
        Ok(reply) if reply.status == 204 => Ok(()),
        Ok(reply) => Err(match serde_json::from_slice(&reply.body) {
            Ok(Detail { detail }) => detail,
            Err(_) => format!(
                "the handler of {kind:?} can't be called: the application has no such component, or it has no route"
            ),
        }),
        Err(e) => Err(format!("the handler of {kind:?} can't be called: {e}")),
    }
}

/// An answer's status, and its problem if it is one.
fn said(reply: &Reply) -> String {
    match serde_json::from_slice(&reply.body) {
        Ok(Detail { detail }) => format!("{}: {detail}", reply.status),
        Err(_) => reply.status.to_string(),
    }
}

/// What a problem says.
#[derive(serde::Deserialize)]
struct Detail {
    detail: String,
}

async fn call(path: &str, timeout_ms: u64) -> Result<Reply, CallError> {
    call_with(path, Vec::new(), timeout_ms).await
}

async fn call_with(path: &str, body: Vec<u8>, timeout_ms: u64) -> Result<Reply, CallError> {
    client::send(request(path, body, timeout_ms)).await
}

fn request(path: &str, body: Vec<u8>, timeout_ms: u64) -> Call {
    Call {
        method: "POST".to_owned(),
        url: format!("http://{WORKER_HOST}{path}"),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body,
        timeout_ms,
        head_only: false,
    }
}
