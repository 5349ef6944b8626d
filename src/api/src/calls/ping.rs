//! `GET` or `POST /ping`: enqueues a task that takes 5 s, if the application has the kind `sleep`.

use super::{After, Answer};
use crate::{HostQueue, limits};
use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Json, TaskSpec};
use handoff_wire::{Fault, Kinds};
use serde_json::json;

/// What it enqueues.
const KIND: &str = "sleep";

pub(crate) async fn call(
    tasks: Tasks,
    queue: &HostQueue,
    request: &Request,
) -> Result<Answer, Problem> {
    let args: Json = json!({"for": "5s"}).into();
    let task = TaskSpec {
        trace: request.trace(),
        ..TaskSpec::new(KIND, args)
    };
    let checked = limits::registry(tasks, 0)?.check(KIND, &task.args, task.timeout_ms);
    checked.map_err(|e| match e.fault {
        Fault::Deployment => Problem::from(e),
        _ => Problem::not_found(format!(
            "/ping enqueues a task of kind {KIND:?} with {}, which this application does not take: {e}",
            task.args
        )),
    })?;
    let queue = super::named(queue, None)?;
    let receipt = queue.enqueue(vec![task]).await?;
    let id = &receipt.ids[0];
    let response = Response::json(202, &json!({"task_id": id.to_string()}));
    Ok(Answer {
        response: response.header("location", format!("/status/{id}")),
        after: After::Wake(queue, receipt),
    })
}
