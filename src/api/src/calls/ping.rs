//! `GET` or `POST /ping`: enqueues a task that takes 5 s.

use super::{After, Answer};
use crate::HostQueue;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::TaskSpec;
use handoff_tasks::long_running_task;
use serde_json::json;

pub(crate) async fn call(queue: &HostQueue, request: &Request) -> Result<Answer, Problem> {
    let (kind, args) = long_running_task();
    let queue = super::named(queue, None)?;
    let task = TaskSpec {
        trace: request.trace(),
        ..TaskSpec::new(kind, args)
    };
    let receipt = queue.enqueue(vec![task]).await?;
    let id = &receipt.ids[0];
    let response = Response::json(202, &json!({"task_id": id.to_string()}));
    Ok(Answer {
        response: response.header("location", format!("/status/{id}")),
        after: After::Wake(queue, receipt),
    })
}
