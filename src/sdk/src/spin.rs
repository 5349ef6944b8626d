//! The component for Spin: the API, or with the worker's role in its environment a worker.

use crate::Tasks;
use handoff_platform::environment;
use handoff_platform::http::{Problem, Request, Response, ResponseOutparam};
use handoff_wire::WORKER_HOST;

/// The variable in a component's environment that makes it a worker.
const ROLE: &str = "HANDOFF_ROLE";

/// Answers a request.
pub(crate) async fn handle(tasks: Tasks, request: Request, out: ResponseOutparam) {
    // No other path is both the API's and a worker's.
    let path = request.path();
    let asks_ready = path.ends_with("/readyz");
    if !asks_ready && !handoff_worker::takes(path) {
        return handoff_api::handle(tasks, request, out).await;
    }
    let role = environment(ROLE);
    let is_called_as_worker = request.authority() == WORKER_HOST;
    match role.as_deref() {
        // Not by the role alone: a public component may have it by mistake.
        Some("worker") if is_called_as_worker => handoff_worker::handle(tasks, request, out).await,
        // The API would wake a worker, which is this component.
        _ if is_called_as_worker => Response::from(no_worker(role.as_deref())).send(out),
        Some(_) if asks_ready => Response::from(public_worker()).send(out),
        _ => handoff_api::handle(tasks, request, out).await,
    }
}

fn no_worker(role: Option<&str>) -> Problem {
    let role = role.map_or("not set".to_owned(), |role| format!("{role:?}"));
    Problem::not_found(format!(
        "this component is called as a worker, but {ROLE} in its environment is {role}"
    ))
}

fn public_worker() -> Problem {
    Problem::misconfigured(format!(
        "{ROLE} is in the environment of the component that answers the API: only [component.handoff-worker] has it"
    ))
}
