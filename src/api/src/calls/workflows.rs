//! `/v1/workflows`: tasks that belong together.

use super::filter::{self, Asked, number};
use super::list::{entries, searched};
use super::queues::known;
use super::wait::Wait;
use super::{After, Answer, KEY_HEADER, Taken, parse_id, state_only};
use crate::{HostQueue, limits, push_along};
use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Cancelled, Env, TaskId, TaskStatus};
use handoff_wire::{JsonObject, WorkflowRequest, object, quoted};

/// The largest size of a page, and its default.
const PAGE_MAX: u64 = 100;
const PAGE_DEFAULT: u64 = 20;

/// `POST /v1/workflows`: answers 202, or with a wait the workflow as it ended.
pub(crate) async fn enqueue(
    tasks: Tasks,
    queue: &HostQueue,
    request: Request,
) -> Result<Answer, Problem> {
    let trace = request.trace();
    let caller = request.caller().clone();
    let base = request.base();
    let wait = Wait::asked(&request)?;
    let header = request.sole_header(KEY_HEADER)?;
    let (body, bytes): (WorkflowRequest, _) = request.json(limits::body_max_bytes).await?;
    let queue = super::named(queue, body.queue())?;
    let registry = limits::registry(tasks, bytes)?;
    let args_max = limits::args_max_bytes()?;
    let now_ms = queue.env().now_ms();
    let (_, mut checked) = body.check(&registry, header.as_deref(), args_max, now_ms)?;
    limits::check_webhook(&checked.task, "webhook")?;
    checked.task.trace = trace;
    let key = super::own(checked.key, &caller);
    let taken = match &key {
        None => Taken::new(queue.enqueue(vec![checked.task]).await?),
        Some(key) => super::take_once(&queue, checked.task, key).await?,
    };
    let mut status = if taken.created { 202 } else { 200 };
    let mut after = After::wake(queue.named(queue.name())?, taken.receipt);
    if let Some(wait) = &wait {
        // Wake a worker now: none would run until the answer is out.
        push_along(&queue, after).await;
        after = After::Push { waits: true };
        match queue.wait(&taken.id, wait.ms).await {
            Ok(TaskStatus::Final(_)) => status = 200,
            Ok(_) => {}
            // The workflow is taken, and the answer must say so.
            Err(e) => queue
                .env()
                .log(&format!("not waited for {}: {e}", taken.id)),
        }
    }
    let location = format!("/v1/workflows/{}", taken.id);
    let response = Response::json(status, &shown(&queue, &taken.id, &base).await?);
    let response = response.header("location", location);
    Ok(Answer {
        response: match &wait {
            Some(wait) => wait.applied(response),
            None => response,
        },
        after,
    })
}

async fn shown(queue: &HostQueue, id: &TaskId, base: &str) -> Result<JsonObject, Problem> {
    match queue.workflow(id).await? {
        Some(view) => Ok(object::workflow(id, &view, base)),
        None => Err(unknown(&id.to_string())),
    }
}

/// `GET /v1/workflows/{id}`: shows a workflow. With a wait it answers once the workflow is final,
/// or after that time.
pub(crate) async fn show(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = workflow_id(id)?;
    let wait = Wait::asked(request)?;
    if let Some(wait) = &wait {
        queue.wait(&id, wait.ms).await?;
    }
    let Some(view) = queue.workflow(&id).await? else {
        return Err(unknown(&id.to_string()));
    };
    let mut response = Response::json(200, &object::workflow(&id, &view, &request.base()));
    if let Some(wait) = &wait {
        response = wait.applied(response);
    }
    let waits = !view.task.state.is_final();
    Ok(Answer {
        response,
        after: After::Push { waits },
    })
}

/// `GET /v1/queues/{queue}/workflows`: lists a queue's workflows, newest first.
pub(crate) async fn list(
    queue: &HostQueue,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    known(name)?;
    let asked = Asked::of(request, &[], &["from", "limit"])?;
    let places = asked.places()?;
    let page = queue.workflows(places.as_deref(), asked.limit()).await?;
    let base = request.base();
    let found = page.workflows.iter();
    let found = found.map(|(id, view)| object::workflow(id, view, &base));
    let next = page
        .next
        .map(|from| asked.next(request, &filter::shown(&from)));
    let body = JsonObject::default()
        .with("workflows", entries(found, &page.unreadable))
        .with("next", next)
        .with("searched", searched(page.searched, page.back_to_ms));
    Ok(Answer::new(Response::json(200, &body)))
}

/// `GET /v1/workflows/{id}/tasks`: lists its tasks, page by page.
pub(crate) async fn members(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = workflow_id(id)?;
    let (mut from, mut limit) = (0, PAGE_DEFAULT);
    for (name, value) in request.query()? {
        match name.as_str() {
            "from" => from = number(&name, &value, 0, 1 << 32)?,
            "limit" => limit = number(&name, &value, 1, PAGE_MAX)?,
            _ => return Err(super::no_parameter(&name, &["from", "limit"]).into()),
        }
    }
    let page = queue.members(&id, from as usize, limit as usize).await?;
    let Some((members, more)) = page else {
        return Err(unknown(&id.to_string()));
    };
    let next = more.then(|| {
        let (base, from) = (request.base(), from + members.len() as u64);
        format!("{base}/v1/workflows/{id}/tasks?limit={limit}&from={from}")
    });
    let tasks: Vec<_> = members.iter().map(object::member).collect();
    let body = JsonObject::default()
        .with("tasks", tasks)
        .with("next", next);
    Ok(Answer::new(Response::json(200, &body)))
}

/// `DELETE /v1/workflows/{id}`: cancels the workflow and its members.
pub(crate) async fn cancel(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = workflow_id(id)?;
    if queue.workflow(&id).await?.is_none() {
        return Err(unknown(&id.to_string()));
    }
    let status = match queue.cancel(&id).await? {
        Cancelled::Done | Cancelled::Final => 200,
        Cancelled::Requested => 202,
        Cancelled::Unknown => return Err(unknown(&id.to_string())),
    };
    let Some(view) = queue.workflow(&id).await? else {
        return Err(unknown(&id.to_string()));
    };
    let body = match request.caller().reads {
        true => object::workflow(&id, &view, &request.base()),
        false => state_only(&id, view.task.state),
    };
    Ok(Answer {
        response: Response::json(status, &body),
        // The follow-up of its end waits.
        after: After::Push { waits: true },
    })
}

fn workflow_id(id: &str) -> Result<TaskId, Problem> {
    parse_id(id).map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::new(
        404,
        "unknown-workflow",
        "There is no such workflow",
        format!(
            "No workflow here has the id {}. Workflows are deleted when their retention is over.",
            quoted(id)
        ),
    )
}
