//! `POST /v1/tasks`: enqueues a task.

use super::{After, Answer};
use crate::{HostQueue, limits};
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::Env;
use handoff_tasks::TaskRequest;

pub async fn call(queue: &HostQueue, request: Request) -> Result<Answer, Problem> {
    let body: TaskRequest = request.json(limits::body_max_bytes()?).await?;
    let name = body.queue().map(str::to_owned);
    let registry = handoff_tasks::registry(limits::fault_tasks()?);
    let task = body.check(&registry, queue.env().now_ms())?;
    let queue = super::named(queue, name.as_deref())?;
    let receipt = queue.enqueue(vec![task]).await?;
    let object = super::accepted(&receipt, 0);
    let location = format!("/v1/tasks/{}", receipt.ids[0]);
    Ok(Answer {
        response: Response::json(202, &object).header("location", location),
        after: After::Wake(queue, receipt),
    })
}
