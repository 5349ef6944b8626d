//! Failed tasks. `POST /v1/tasks/{id}/retry` and `discard` take one off the list,
//! `POST /v1/queues/{queue}/retry-failed` and `discard-failed` those that fit.

use super::filter::{Asked, FAILED, swept};
use super::queues::known;
use super::{
    After, Answer, Taken, busy, no_parameters, parse_id, seen_by, state_only, taken_before, unknown,
};
use crate::HostQueue;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Discarded, Env, Retried, State};

/// A call for all failed tasks answers after this many milliseconds with its result so far.
const ALL_MS: u64 = 3_000;

/// Answers 202 with the new task, or 200 with the same task for a repeated request.
pub(crate) async fn retry(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    no_parameters(request)?;
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
    no_parameters(request)?;
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
    let asked = Asked::of(request, &FAILED, &["from", "dry_run"])?;
    let end_ms = queue.env().now_ms() + ALL_MS;
    let (fits, from) = (asked.filter(), asked.number()?);
    if asked.dry_run {
        let swept = queue.discard_failed(&fits, from, end_ms, true).await?;
        let would = ("would_retry", swept.done);
        return Ok(Answer::new(all(request, &asked, would, swept.next)));
    }
    let trace = request.trace();
    let swept = queue.retry_failed(&fits, from, end_ms, trace).await?;
    let retried = swept.done.ids.len();
    let receipt = (retried > 0).then_some(swept.done);
    let done = ("retried", retried as u64);
    Ok(Answer {
        response: all(request, &asked, done, swept.next),
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
    let asked = Asked::of(request, &FAILED, &["from", "dry_run"])?;
    let end_ms = queue.env().now_ms() + ALL_MS;
    let (fits, from) = (asked.filter(), asked.number()?);
    let swept = queue
        .discard_failed(&fits, from, end_ms, asked.dry_run)
        .await?;
    let done = match asked.dry_run {
        true => "would_discard",
        false => "discarded",
    };
    let response = all(request, &asked, (done, swept.done), swept.next);
    Ok(Answer::new(response))
}

fn all(request: &Request, asked: &Asked, done: (&'static str, u64), next: Option<u64>) -> Response {
    swept(request, asked, done, next.map(|from| from.to_string()))
}
