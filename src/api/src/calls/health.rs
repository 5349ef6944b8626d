//! `GET /healthz` and `GET /readyz`.

use super::Answer;
use crate::HostQueue;
use handoff_platform::http::{Method, Problem, Request, Response};
use handoff_platform::probe::probe;
use serde_json::json;

/// Alive: an instance answers.
pub fn alive(request: &Request) -> Response {
    match request.method() {
        Method::Get => Response::json(200, &json!({"status": "alive"})),
        _ => Problem::method_not_allowed("GET").into(),
    }
}

/// Ready: the store works and its increment counts.
pub async fn ready(queue: &HostQueue) -> Result<Answer, Problem> {
    match probe(queue.store(), queue.env()).await {
        Ok(()) => Ok(Answer::new(Response::json(
            200,
            &json!({"status": "ready"}),
        ))),
        Err(reason) => Err(Problem::unavailable(reason)),
    }
}
