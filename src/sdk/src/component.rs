//! What [`crate::tasks!`] puts into an application's component. Not for use by name.

// Handles of the host's resources are passed from one crate's bindings to another's.
#![allow(unsafe_code)]

use crate::Tasks;
use handoff_platform::http::{self, Problem, Request, Response};
use handoff_wire::WORKER_HOST;

pub use handoff_kinds::name::check as check_names;
pub use wasi;
pub use wasi::exports::http::incoming_handler::Guest;
pub use wasi::http::proxy::export;
pub use wasi::http::types::{IncomingRequest, ResponseOutparam};

/// The variable in a component's environment that makes it a worker.
const ROLE: &str = "HANDOFF_ROLE";

/// Answers a request, as a worker if this component is one, else as the API.
pub fn handle(tasks: Tasks, request: IncomingRequest, out: ResponseOutparam) {
    // SAFETY: both are handles of the same resource, which has one owner before and after.
    let (request, out) = unsafe {
        let request = http::IncomingRequest::from_handle(request.take_handle());
        let out = http::ResponseOutparam::from_handle(out.take_handle());
        (Request::new(request), out)
    };
    handoff_platform::run(async {
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
    });
}

fn no_worker(role: Option<&str>) -> Problem {
    let role = role.map_or("not set".to_owned(), |role| format!("{role:?}"));
    Problem::misconfigured(format!(
        "this component is called as a worker, but {ROLE} in its environment is {role}: give \
         [component.handoff-worker] environment = {{ {ROLE} = \"worker\" }}"
    ))
}
