//! The component for Spin: the API, or with the worker's role in its environment a worker.

use crate::Tasks;
use handoff_platform::http::{Problem, Request, Response, ResponseOutparam};
use handoff_wire::WORKER_HOST;

/// The variable in a component's environment that makes it a worker.
const ROLE: &str = "HANDOFF_ROLE";

/// Answers a request.
pub(crate) async fn handle(tasks: Tasks, request: Request, out: ResponseOutparam) {
    // The environment costs two calls of the host, so other requests do not look.
    if !handoff_worker::takes(request.path()) {
        return handoff_api::handle(tasks, request, out).await;
    }
    let role = std::env::var(ROLE).ok();
    match role.as_deref() {
        Some("worker") => handoff_worker::handle(tasks, request, out).await,
        // Anything but a wake-up, for an application whose route begins as a worker's paths do.
        None if request.authority() != WORKER_HOST => {
            handoff_api::handle(tasks, request, out).await;
        }
        // The API would wake a worker, which is this component.
        _ => Response::from(no_worker(role.as_deref())).send(out),
    }
}

fn no_worker(role: Option<&str>) -> Problem {
    let role = role.map_or("not set".to_owned(), |role| format!("{role:?}"));
    Problem::not_found(format!(
        "this component is called as a worker, but {ROLE} in its environment is {role}: give \
         [component.handoff-worker] environment = {{ {ROLE} = \"worker\" }}"
    ))
}
