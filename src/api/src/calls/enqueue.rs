//! `POST /v1/tasks`: enqueues a task; with a wait the answer is the final task if that comes in time.

use super::wait::Wait;
use super::{After, Answer};
use crate::{HostQueue, limits};
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::Env;
use handoff_tasks::TaskRequest;

pub async fn call(queue: &HostQueue, request: Request) -> Result<Answer, Problem> {
    let trace = request.trace();
    let wait = Wait::asked(&request)?;
    let body: TaskRequest = request.json(limits::body_max_bytes()?).await?;
    let name = body.queue().map(str::to_owned);
    let registry = handoff_tasks::registry(limits::fault_tasks()?);
    let mut task = body.check(&registry, queue.env().now_ms())?;
    limits::check_args(&task.args, limits::args_max_bytes()?, "args")?;
    task.trace = trace;
    let queue = super::named(queue, name.as_deref())?;
    let receipt = queue.enqueue(vec![task]).await?;
    let object = super::accepted(&receipt, 0);
    let id = receipt.ids[0].clone();
    let location = format!("/v1/tasks/{id}");
    let answer = Answer {
        response: Response::json(202, &object).header("location", location),
        after: After::Wake(queue.named(queue.name())?, receipt),
    };
    match wait {
        Some(wait) => Ok(wait.for_end(&queue, &id, answer).await),
        None => Ok(answer),
    }
}
