//! Is the application ready? Asked by `/readyz`, answered with the worker's help.

use crate::http::{Problem, Response};
use crate::{HostEnv, HostStore, host};
use handoff_probe::{TIMES, Unready, count, is_probe_key, ready};

/// Tries the store, also from several worker instances at once.
///
/// # Errors
/// 503 that says what the store did wrong, or why a worker could not be asked.
pub async fn probe(store: &HostStore) -> Result<(), Problem> {
    ready(store, &HostEnv, host::ask)
        .await
        .map_err(|e| match e {
            Unready::Store(reason) => {
                Problem::unavailable(format!("The store is not ready: {reason}"))
            }
            Unready::Worker(reason) => Problem::worker_unreachable(format!(
                "No worker answers as it should: {reason}. {}",
                host::HOW_TO_REACH_WORKERS
            )),
        })
}

/// What a worker instance answers to `/probe/{key}`.
pub async fn answer(key: &str) -> Result<Response, Problem> {
    if !is_probe_key(key) {
        return Err(Problem::not_found(format!("{key} is not a probe's key")));
    }
    Ok(Response::json(200, &counted(key).await))
}

/// The numbers that this instance gets from a key.
pub(crate) async fn counted(key: &str) -> Result<Vec<u64>, Unready> {
    match HostStore::open() {
        Ok(store) => Ok(count(&store, key, TIMES).await?),
        Err(problem) => Err(Unready::Store(problem.detail)),
    }
}
