//! Waking workers by service chaining.

use crate::env::HostEnv;
use crate::http::client;
use crate::store::HostStore;
use handoff_probe::{ASK_TIMEOUT_MS, Life, Lifetime, Unready};
use handoff_wire::{Call, CallError, Reply, WORKER_HOST};

/// The remedy if no worker answers.
pub(crate) const HOW_TO_REACH_WORKERS: &str = "See that spin.toml gives the component \"handoff-worker\" a private route and \
     environment = { HANDOFF_ROLE = \"worker\" }, and that allowed_outbound_hosts of [component.handoff] names \"http://handoff-worker.spin.internal\".";

/// The host's own limit of a request ends one that is carried for longer.
const CARRY_MAX_MS: u64 = 600_000;

/// Wakes a worker for a path. Returns when the worker is registered. It may hold its response open.
pub(crate) async fn wake(path: &str, timeout_ms: u64) -> Result<(), String> {
    let mut call = request(path, Vec::new(), timeout_ms);
    call.head_only = true;
    woken(client::send(call).await)
}

/// Wakes a worker for a path, and waits for its end.
pub(crate) async fn carry(path: &str) -> Result<(), String> {
    woken(call(path, CARRY_MAX_MS).await)
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

/// How long this host lets workers live.
pub(crate) async fn lifetime(store: &HostStore) -> Result<Option<Lifetime>, Unready> {
    handoff_probe::lifetime(store, &HostEnv, start)
        .await
        .map(Some)
}

/// Starts an instance of which `/readyz` wants to know how long it lives.
pub(crate) async fn start(life: Life) -> Result<(), Unready> {
    let mut call = request(
        &format!("/lives/{}", life.name()),
        Vec::new(),
        ASK_TIMEOUT_MS,
    );
    call.head_only = true;
    match client::send(call).await {
        Ok(reply) if reply.status == 202 => Ok(()),
        Ok(reply) => Err(Unready::Worker(format!(
            "http://{WORKER_HOST} answered {}",
            said(&reply)
        ))),
        Err(e) => Err(Unready::Worker(format!("http://{WORKER_HOST}: {e}"))),
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
