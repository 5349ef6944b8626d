//! Is the application ready? Asked by `/readyz`, answered with the worker's help.

use crate::http::{Problem, Response, client};
use crate::{HostEnv, HostStore};
use handoff_input::{Call, WORKER_HOST};
use handoff_probe::{ASK_TIMEOUT_MS, TIMES, Unready, count, is_probe_key, ready};

/// Tries the store, also from several worker instances at once.
///
/// # Errors
/// 503 that says what the store did wrong, or why a worker could not be asked.
pub async fn probe(store: &HostStore) -> Result<(), Problem> {
    ready(store, &HostEnv, ask).await.map_err(|e| match e {
        Unready::Store(reason) => Problem::unavailable(format!("The store is not ready: {reason}")),
        Unready::Worker(reason) => Problem::worker_unreachable(format!(
            "http://{WORKER_HOST} does not answer as it should: {reason}. See that spin.toml gives the component \
             \"worker\" a private route, and that allowed_outbound_hosts of [component.api] names \
             \"http://{WORKER_HOST}\"."
        )),
    })
}

/// Has a worker instance increment the key.
async fn ask(key: &str) -> Result<Vec<u64>, Unready> {
    let call = Call {
        method: "POST".to_owned(),
        url: format!("http://{WORKER_HOST}/probe/{key}"),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: ASK_TIMEOUT_MS,
        head_only: false,
    };
    let reply = client::send(call).await;
    let reply = reply.map_err(|e| Unready::Worker(e.to_string()))?;
    match serde_json::from_slice(&reply.body) {
        Ok(counted) if reply.status == 200 => counted,
        _ => Err(Unready::Worker(format!("it answered {}", reply.status))),
    }
}

/// What a worker instance answers to `/probe/{key}`.
pub async fn answer(key: &str) -> Result<Response, Problem> {
    if !is_probe_key(key) {
        return Err(Problem::not_found(format!("{key} is not a probe's key")));
    }
    let counted: Result<Vec<u64>, Unready> = match HostStore::open() {
        Ok(store) => count(&store, key, TIMES).await.map_err(Unready::from),
        Err(problem) => Err(Unready::Store(problem.detail)),
    };
    Ok(Response::json(200, &counted))
}
