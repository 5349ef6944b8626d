//! `POST /v1/tasks`: enqueues a task.

use super::{Answer, KEY_HEADER, Taken};
use crate::{HostQueue, limits};
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::Env;
use handoff_tasks::TaskRequest;

pub async fn call(queue: &HostQueue, request: Request) -> Result<Answer, Problem> {
    let header = request.sole_header(KEY_HEADER)?;
    let body: TaskRequest = request.json(limits::body_max_bytes()?).await?;
    let registry = handoff_tasks::registry(limits::fault_tasks()?);
    let checked = body
        .with_key(header.as_deref())?
        .check(&registry, queue.env().now_ms())?;
    let taken = match &checked.key {
        None => Taken::new(queue.enqueue(vec![checked.task]).await?),
        Some(key) => super::take_once(queue, checked.task, key).await?,
    };
    let status = if taken.created { 202 } else { 200 };
    let location = format!("/v1/tasks/{}", taken.id);
    Ok(Answer {
        response: Response::json(status, &taken.object).header("location", location),
        after: taken.receipt.into(),
    })
}
