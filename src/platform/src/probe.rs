//! Is the application ready? Asked by `/readyz`, answered with the worker's help.

use crate::http::{Problem, Response};
use crate::{HostEnv, HostStore, host, usable};
use handoff_probe::{TIMES, Unready, count, is_probe_key, ready};

/// Tries the store, also from several worker instances at once.
///
/// # Errors
/// 503 that says what the store did wrong, or why a worker could not be asked; 500 if a worker can't use its variables.
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
            Unready::Variables(wrong) => usable::problem(Vec::new(), wrong),
        })
}

/// What a worker instance answers to `/probe/{key}`.
pub async fn answer(key: &str) -> Result<Response, Problem> {
    if !is_probe_key(key) {
        return Err(Problem::not_found(format!("{key} is not a probe's key")));
    }
    Ok(Response::json(200, &counted(key).await))
}

/// Sees that all variables can be used, those of a worker only if it can be asked.
///
/// # Errors
/// 500 that says of all variables what is wrong.
pub async fn check_variables() -> Result<(), Problem> {
    let wrong = usable::api();
    if wrong.is_empty() {
        // A worker says what is wrong with its own when it is to count.
        return Ok(());
    }
    Err(usable::problem(wrong, host::worker_variables().await))
}

/// The numbers that this instance gets from a key.
pub(crate) async fn counted(key: &str) -> Result<Vec<u64>, Unready> {
    let wrong = usable::worker();
    if !wrong.is_empty() {
        return Err(Unready::Variables(wrong));
    }
    match HostStore::open() {
        Ok(store) => Ok(count(&store, key, TIMES).await?),
        Err(problem) => Err(Unready::Store(problem.detail)),
    }
}
