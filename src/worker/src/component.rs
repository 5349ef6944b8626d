//! The component that Spin and the local host load: a worker, which the API wakes by service chaining
//! over a private route. It also counts for `/readyz`, which needs several instances at once.

// What the host calls is exported over the C ABI, which `http_component` writes; nothing else here is
// unsafe.
#![allow(unsafe_code)]

use handoff_platform::http::{IncomingRequest, Problem, Request, Response, ResponseOutparam};
use handoff_platform::{probe, usable};
use spin_sdk::http_component;

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let request = Request::new(incoming);
    if let Some(key) = request.path().strip_prefix("/probe/") {
        let answer = probe::answer(key).await;
        return answer.unwrap_or_else(Response::from).send(out);
    }
    if let Some(kind) = request.path().strip_prefix("/reach/") {
        let answer = probe::reach(kind).await;
        return answer.unwrap_or_else(Response::from).send(out);
    }
    if request.path() == "/shared" {
        let answer = probe::differing(request).await;
        return answer.unwrap_or_else(Response::from).send(out);
    }
    if request.path() == "/variables" {
        return Response::json(200, &usable::worker()).send(out);
    }
    let answer = |started: Result<(), Problem>| match started {
        Ok(()) => Response::empty(202).send(out),
        Err(problem) => Response::from(problem).send(out),
    };
    super::work(request.path(), answer).await;
}
