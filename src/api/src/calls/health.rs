//! `GET /healthz` and `GET /readyz`.

use super::Answer;
use crate::{HostQueue, limits};
use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Response};
use handoff_platform::probe::probe;
use handoff_queue::QueueError;
use serde_json::json;

/// Answers that the application is alive: an instance runs.
pub(crate) fn alive() -> Response {
    Response::json(200, &json!({"status": "alive"}))
}

/// Answers that the application is ready: the store works, its increment is atomic, and workers can
/// be woken.
pub(crate) async fn ready(tasks: Tasks, queue: &HostQueue) -> Result<Answer, Problem> {
    limits::check_handlers(tasks)?;
    queue.store().prepare().map_err(QueueError::from)?;
    probe(queue.store()).await?;
    let response = Response::json(200, &json!({"status": "ready"}));
    Ok(Answer::new(response))
}
