//! Checking variables: all that can't be used, not only the first that a request needs.

use crate::host::settings;
use crate::host::store;
use crate::http::access;
use crate::http::cors::Cors;
use crate::http::problem::Problem;
use crate::lifetime;
use crate::variables;

type Check = fn() -> Result<(), Problem>;

/// The variables of the API. `/gather` reads no others.
const API: [Check; 15] = [
    || lifetime::check().map(drop),
    store::check,
    settings::check,
    || variables::queues().map(drop),
    || variables::queue_limits().map(drop),
    || variables::webhook_secrets().map(drop),
    || variables::handlers().map(drop),
    || access::is_open().map(drop),
    Cors::check,
    || access::allowed_hosts().map(drop),
    || variables::number("workers_max").map(drop),
    || variables::duration_ms("events_max").map(drop),
    || variables::bytes("body_max_bytes").map(drop),
    || variables::bytes("args_max_bytes").map(drop),
    || variables::switch("fault_tasks").map(drop),
];

/// The variables of a worker.
const WORKER: [Check; 12] = [
    || lifetime::check().map(drop),
    store::check,
    || variables::queues().map(drop),
    || variables::queue_limits().map(drop),
    || variables::webhook_secrets().map(drop),
    || variables::handlers().map(drop),
    || variables::number("workers_max").map(drop),
    || variables::duration_ms("worker_budget").map(drop),
    || variables::log().map(drop),
    || variables::collector().map(drop),
    || variables::number("result_max_bytes").map(drop),
    || variables::switch("fault_tasks").map(drop),
];

/// Checks the variables of the API, as its component. Returns the faults.
pub fn api() -> Vec<String> {
    wrong(&API)
}

/// Checks the variables of a worker, as its component. Returns the faults.
pub fn worker() -> Vec<String> {
    wrong(&WORKER)
}

/// Runs checks. If several depend on one variable, the first reports its fault.
fn wrong(checks: &[Check]) -> Vec<String> {
    let mut wrong = Vec::new();
    for problem in checks.iter().filter_map(|check| check().err()) {
        if !wrong.contains(&problem.detail) {
            wrong.push(problem.detail);
        }
    }
    wrong
}

/// Makes one problem of the faults of both components.
pub fn problem(mut api: Vec<String>, worker: Vec<String>) -> Problem {
    for reason in worker {
        if !api.contains(&reason) {
            api.push(format!("in the worker, {reason}"));
        }
    }
    match api.len() {
        1 => Problem::misconfigured(api.remove(0)),
        count => Problem::misconfigured(format!(
            "{count} variables can't be used: {}",
            api.join("; ")
        )),
    }
}
