//! Failed tasks. `GET /v1/queues/{queue}/tasks?state=failed` lists them.
//! `POST /v1/tasks/{id}/retry` and `discard` take one off the list,
//! `POST /v1/queues/{queue}/retry-failed` and `discard-failed` all.

use super::queues::known;
use super::{
    After, Answer, Taken, busy, no_parameter, parse_id, seen_by, state_only, taken_before, unknown,
};
use crate::HostQueue;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Discarded, Env, Retried, State};
use handoff_wire::{FieldError, JsonObject, object, quoted};

/// The largest size of a page, and its default.
const PAGE_MAX: u64 = 100;
const PAGE_DEFAULT: u64 = 20;
/// A call for all failed tasks answers after this many milliseconds with its result so far.
const ALL_MS: u64 = 3_000;

/// The parameters of a request for the list.
#[derive(Default)]
struct Asked {
    state: Option<String>,
    limit: Option<u64>,
    before: Option<u64>,
}

impl Asked {
    /// Reads the parameters. Only those in `names` are known.
    fn of(request: &Request, names: &[&str]) -> Result<Self, FieldError> {
        let mut asked = Self::default();
        for (name, value) in request.query()? {
            match name.as_str() {
                _ if !names.contains(&name.as_str()) => {
                    return Err(no_parameter(&name, names));
                }
                "limit" => asked.limit = Some(number(&name, &value, 1, PAGE_MAX)?),
                "before" => asked.before = Some(number(&name, &value, 0, 1 << 53)?),
                _ => asked.state = Some(value),
            }
        }
        Ok(asked)
    }
}

pub(super) fn number(name: &str, value: &str, min: u64, max: u64) -> Result<u64, FieldError> {
    let number = value.parse().ok().filter(|n| (min..=max).contains(n));
    number.ok_or_else(|| {
        let reason = format!(
            "it must be a whole number from {min} to {max}, not {}",
            quoted(value)
        );
        FieldError::new(name, reason)
    })
}

/// Answers a page of the failed list, newest first.
pub(crate) async fn list(
    queue: &HostQueue,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    known(name)?;
    let asked = Asked::of(request, &["state", "limit", "before"])?;
    if asked.state.as_deref() != Some("failed") {
        let reason = "only failed tasks are listed: `state=failed`. Of the others there is no list, and the store can't be \
                      searched; ask for each by its id";
        return Err(FieldError::new("state", reason).into());
    }
    let limit = asked.limit.unwrap_or(PAGE_DEFAULT);
    let page = queue.failed(asked.before, limit as usize).await?;
    let tasks = page.tasks.iter().map(|(id, view)| object::task(id, view));
    let broken = page.unreadable.iter();
    let broken = broken.map(|(id, e)| object::unreadable(id.as_ref(), e));
    let tasks: Vec<_> = tasks.chain(broken).collect();
    let base = request.base();
    let next = page.next.map(|before| {
        format!("{base}/v1/queues/{name}/tasks?state=failed&limit={limit}&before={before}")
    });
    let body = JsonObject::default()
        .with("tasks", tasks)
        .with("next", next);
    Ok(Answer::new(Response::json(200, &body)))
}

/// Answers 202 with the new task, or 200 with the same task for a repeated request.
pub(crate) async fn retry(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    Asked::of(request, &[])?;
    known(queue.name())?;
    let taken = match queue.retry(&id, request.trace()).await? {
        Retried::Created(receipt) => Taken::new(receipt),
        Retried::Repeated(receipt) => taken_before(queue, receipt).await?,
        Retried::Busy => return Err(busy()),
        Retried::NotFailed(state) => return Err(not_failed(&id.to_string(), state, "retried")),
        Retried::Over => {
            return Err(Problem::new(
                409,
                "retention-over",
                "The task's retention is over",
                format!("{id} is kept for its idempotency key only. Enqueue a new task."),
            ));
        }
        Retried::Unknown => return Err(unknown(&id.to_string())),
    };
    let status = if taken.created { 202 } else { 200 };
    let location = format!("/v1/tasks/{}", taken.id);
    let object = match request.caller().reads {
        true => taken.object,
        false => state_only(&taken.id, taken.state),
    };
    Ok(Answer {
        response: Response::json(status, &object).header("location", location),
        after: After::wake(super::named(queue, None)?, taken.receipt),
    })
}

/// Answers 200 with the task, which stays readable.
pub(crate) async fn discard(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    Asked::of(request, &[])?;
    match queue.discard(&id).await? {
        Discarded::Done => {}
        Discarded::NotFailed(state) => return Err(not_failed(&id.to_string(), state, "discarded")),
        Discarded::Unknown => return Err(unknown(&id.to_string())),
    }
    match queue.view(&id).await? {
        Some(view) => {
            let object = seen_by(request.caller(), &id, &view);
            Ok(Answer::new(Response::json(200, &object)))
        }
        None => Err(unknown(&id.to_string())),
    }
}

fn not_failed(id: &str, state: State, what: &str) -> Problem {
    Problem::new(
        409,
        "not-failed",
        "The task did not fail",
        format!("{id} is {state}. Only failed tasks are {what}."),
    )
}

/// Answers how many tasks this call retried, and whether more may follow.
pub(crate) async fn retry_all(
    queue: &HostQueue,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    known(name)?;
    let before = Asked::of(request, &["before"])?.before;
    let end_ms = queue.env().now_ms() + ALL_MS;
    let swept = queue.retry_failed(before, end_ms, request.trace()).await?;
    let retried = swept.done.ids.len();
    let receipt = (retried > 0).then_some(swept.done);
    Ok(Answer {
        response: all(request, ("retried", retried as u64), swept.next),
        after: After::wake(super::named(queue, None)?, receipt),
    })
}

/// Answers how many tasks this call discarded, and whether more may follow.
pub(crate) async fn discard_all(
    queue: &HostQueue,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    known(name)?;
    let before = Asked::of(request, &["before"])?.before;
    let end_ms = queue.env().now_ms() + ALL_MS;
    let swept = queue.discard_failed(before, end_ms).await?;
    let done = ("discarded", swept.done);
    Ok(Answer::new(all(request, done, swept.next)))
}

fn all(request: &Request, (done, count): (&'static str, u64), next: Option<u64>) -> Response {
    let more = next.is_some();
    let next = next.map(|before| format!("{}{}?before={before}", request.base(), request.path()));
    let body = JsonObject::default()
        .with(done, count)
        .with("more", more)
        .with("next", next);
    Response::json(200, &body)
}
