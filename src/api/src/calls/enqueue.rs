//! `POST /v1/tasks`: enqueues a task. With a wait the answer is the final task, if its end comes in
//! time.

use super::wait::Wait;
use super::{After, Answer, KEY_HEADER, Taken};
use crate::{HostQueue, limits};
use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::Env;
use handoff_wire::TaskRequest;

pub(crate) async fn call(
    tasks: Tasks,
    queue: &HostQueue,
    request: Request,
) -> Result<Answer, Problem> {
    let trace = request.trace();
    let caller = request.caller().clone();
    let wait = Wait::asked(&request)?;
    let header = request.sole_header(KEY_HEADER)?;
    let (body, bytes): (TaskRequest, _) = request.json(limits::body_max_bytes).await?;
    let name = body.queue().map(str::to_owned);
    let registry = limits::registry(tasks, bytes)?;
    let mut checked = body
        .with_key(header.as_deref())?
        .check(&registry, queue.env().now_ms())?;
    limits::check_webhook(&checked.task, "webhook")?;
    checked.task.trace = trace;
    let key = super::own(checked.key, &caller);
    let queue = super::named(queue, name.as_deref())?;
    let taken = match &key {
        None => Taken::new(queue.enqueue(vec![checked.task]).await?),
        Some(key) => super::take_once(&queue, checked.task, key).await?,
    };
    let status = if taken.created { 202 } else { 200 };
    let location = format!("/v1/tasks/{}", taken.id);
    let answer = Answer {
        response: Response::json(status, &taken.object).header("location", location),
        after: After::wake(super::named(&queue, None)?, taken.receipt),
    };
    match wait {
        Some(wait) => Ok(wait.for_end(&queue, &taken.id, answer).await),
        None => Ok(answer),
    }
}
