//! Requests to a worker, which other components of the application send over a private route: to
//! work on a queue, and for `/readyz`, which needs several instances at once.

use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Request, Response, ResponseOutparam};
use handoff_platform::{Lifetime, lifetime, probe, usable};

/// Whether a path begins as those of a worker do. Paths of the API begin otherwise.
pub fn takes(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    matches!(
        first,
        Some("work" | "keep" | "probe" | "lifetime" | "reach" | "shared" | "variables")
    )
}

/// Answers a request, and works after the answer, or while it is not complete.
pub async fn handle(tasks: Tasks, request: Request, out: ResponseOutparam) {
    if let Some(key) = request.path().strip_prefix("/probe/") {
        let answer = probe::answer(key).await;
        return answer.unwrap_or_else(Response::from).send(out);
    }
    if let Some(kind) = request.path().strip_prefix("/reach/") {
        let answer = probe::reach(kind).await;
        return answer.unwrap_or_else(Response::from).send(out);
    }
    if let Some(name) = request.path().strip_prefix("/lifetime/") {
        return probe::live(name, out).await;
    }
    if request.path() == "/shared" {
        let answer = probe::differing(request).await;
        return answer.unwrap_or_else(Response::from).send(out);
    }
    if request.path() == "/variables" {
        return Response::json(200, &usable::worker()).send(out);
    }
    let answer = |started: Result<(), Problem>| match (started, lifetime()) {
        (Ok(()), Lifetime::AfterResponse) => {
            Response::empty(202).send(out);
            None
        }
        (Ok(()), Lifetime::Response | Lifetime::Tick) => Response::empty(202).hold(out),
        (Err(problem), _) => {
            Response::from(problem).send(out);
            None
        }
    };
    super::work(tasks, request.path(), answer).await;
}
