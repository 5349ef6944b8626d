//! `GET /v1/queues/{queue}/tasks`: lists tasks. `POST /v1/queues/{queue}/cancel` cancels those that fit.

use super::Answer;
use super::filter::{Asked, FAILED, OPEN, shown, swept};
use super::queues::known;
use crate::HostQueue;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Env, QueueError, State, TaskId, TaskView};
use handoff_wire::{FieldError, JsonObject, Time, object};

/// A call that cancels answers after this many milliseconds with its result so far.
const CANCEL_MS: u64 = 3_000;
/// So many tasks are cancelled between two looks at the clock.
const CANCEL_PAGE: usize = 20;

/// Answers a page: newest first, failed ones by their failures, waiting ones in their order.
pub(crate) async fn list(
    queue: &HostQueue,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    known(name)?;
    let asked = Asked::of(request, &FAILED, &["state", "limit", "from"])?;
    let fits = asked.filter();
    if asked.state == Some(State::Failed) {
        let page = queue.failed(&fits, asked.number()?, asked.limit()).await?;
        let body = tasks(&page.tasks, &page.unreadable);
        let next = page.next.map(|from| asked.next(request, &from.to_string()));
        return Ok(Answer::new(Response::json(200, &body.with("next", next))));
    }
    let places = asked.places()?;
    let page = queue
        .list(asked.state, &fits, places.as_deref(), asked.limit())
        .await?;
    let next = page.next.map(|from| asked.next(request, &shown(&from)));
    let body = tasks(&page.tasks, &page.unreadable)
        .with("next", next)
        .with("searched", searched(page.searched, page.back_to_ms));
    Ok(Answer::new(Response::json(200, &body)))
}

fn tasks(tasks: &[(TaskId, TaskView)], unreadable: &[(Option<TaskId>, QueueError)]) -> JsonObject {
    let tasks = tasks.iter().map(|(id, view)| object::task(id, view));
    JsonObject::default().with("tasks", entries(tasks, unreadable))
}

/// The entries of a page: those that were found, and those that can't be read.
pub(super) fn entries(
    found: impl Iterator<Item = JsonObject>,
    unreadable: &[(Option<TaskId>, QueueError)],
) -> Vec<JsonObject> {
    let broken = unreadable.iter();
    let broken = broken.map(|(id, e)| object::unreadable(id.as_ref(), e));
    found.chain(broken).collect()
}

/// How far a page looked.
pub(super) fn searched(slots: u64, back_to_ms: Option<u64>) -> JsonObject {
    let mut searched = JsonObject::default().with("slots", slots);
    searched.put_some("back_to", back_to_ms.map(|ms| Time { ms }));
    searched
}

/// Answers how many tasks this call cancelled, or asked to stop, and whether more may follow.
pub(crate) async fn cancel_all(
    queue: &HostQueue,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    known(name)?;
    let asked = Asked::of(request, &OPEN, &["state", "from", "dry_run"])?;
    if let Some(state) = asked.state.filter(|state| state.is_final()) {
        let reason = format!("a task that is {state} can't be cancelled");
        return Err(FieldError::new("state", reason).into());
    }
    let end_ms = queue.env().now_ms() + CANCEL_MS;
    let fits = asked.filter();
    let (mut count, mut places) = (0_u64, asked.places()?);
    loop {
        let page = queue
            .list(asked.state, &fits, places.as_deref(), CANCEL_PAGE)
            .await?;
        let open = page.tasks.iter().filter(|(_, view)| !view.state.is_final());
        for (id, _) in open {
            if !asked.dry_run {
                queue.cancel(id).await?;
            }
            count += 1;
        }
        places = page.next;
        if places.is_none() || queue.env().now_ms() >= end_ms {
            break;
        }
    }
    let done = match asked.dry_run {
        true => "would_cancel",
        false => "cancelled",
    };
    let next = places.map(|from| shown(&from));
    let response = swept(request, &asked, (done, count), next);
    Ok(Answer::new(response))
}
