//! The check of `/readyz` that the application is ready, with the worker's help.

use crate::count::counted;
use crate::env::HostEnv;
use crate::host::workers::{self, HOW_TO_REACH_WORKERS};
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::store::HostStore;
use crate::usable;
use handoff_probe::{Unready, is_probe_key, ready};

/// Probes the store, also from several worker instances at once.
///
/// # Errors
/// 503 that names the store's fault, or why no worker answered. 500 if a worker can't use its
/// variables.
pub async fn probe(store: &HostStore) -> Result<(), Problem> {
    ready(store, &HostEnv, workers::ask)
        .await
        .map_err(|e| match e {
            Unready::Store(reason) => {
                Problem::unavailable(format!("The store is not ready: {reason}"))
            }
            Unready::Worker(reason) => Problem::worker_unreachable(format!(
                "No worker answers as it should: {reason}. {HOW_TO_REACH_WORKERS}"
            )),
            Unready::Variables(wrong) => usable::problem(Vec::new(), wrong),
        })
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
