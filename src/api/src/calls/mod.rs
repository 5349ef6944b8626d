//! The calls. Each file has the calls of one path or one kind of object.

pub(crate) mod batch;
pub(crate) mod cancel;
pub(crate) mod enqueue;
pub(crate) mod events;
pub(crate) mod failed;
pub(crate) mod filter;
pub(crate) mod health;
pub(crate) mod list;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod ping;
pub(crate) mod queues;
pub(crate) mod schedules;
pub(crate) mod show;
pub(crate) mod status;
mod wait;
pub(crate) mod workflows;

use crate::{HostQueue, limited};
use handoff_platform::http::{Caller, Problem, Request, Response};
use handoff_platform::variables;
use handoff_queue::{IdempotencyKey, Once, Receipt, State, TaskId, TaskSpec, TaskView};
use handoff_wire::{FieldError, JsonObject, did_you_mean, object, quoted};

/// The header with the idempotency key.
pub(crate) const KEY_HEADER: &str = "idempotency-key";

/// A call's answer, and the work that is left after it.
pub(crate) struct Answer {
    pub response: Response,
    pub after: After,
}

/// The work after an answer.
pub(crate) enum After {
    /// A task was enqueued: wake a worker.
    Wake(HostQueue, Receipt),
    /// Push the queue along. `waits` says whether the caller asked for an open task.
    Push { waits: bool },
    /// Push all queues along.
    PushAll,
    /// The same, and hold workers where they live only while they are held.
    Tick,
    /// Fill the stream that the answer began.
    Follow(Box<events::Events>),
}

impl After {
    /// Wakes a worker for the tasks of a receipt, if there is one.
    pub(crate) fn wake(queue: HostQueue, receipt: Option<Receipt>) -> Self {
        match receipt {
            Some(receipt) => Self::Wake(queue, receipt),
            None => Self::Push { waits: false },
        }
    }
}

impl Answer {
    /// An answer without particular work after it.
    pub(crate) fn new(response: Response) -> Self {
        Self {
            response,
            after: After::Push { waits: false },
        }
    }
}

/// Turns a problem into a response.
pub(crate) fn respond(problem: Problem) -> Response {
    problem.into()
}

/// Reads the id in a path. An id of another deployment names no task here.
pub(crate) fn parse_id(text: &str) -> Result<TaskId, Problem> {
    text.parse().map_err(|_| unknown(text))
}

/// The queue that a request names, or `queue`.
pub(crate) fn named(queue: &HostQueue, name: Option<&str>) -> Result<HostQueue, Problem> {
    let Some(name) = name else {
        return Ok(limited(queue.named(queue.name())?));
    };
    if !variables::has_queue(name)? {
        let queues = variables::queues()?;
        let meant = did_you_mean(name, queues.names().iter().map(String::as_str));
        let names = queues.names().join(", ");
        let name = quoted(name);
        let reason = format!(
            "there is no queue {name}{meant} (this deployment has {names}: variable `queues`)"
        );
        return Err(FieldError::new("queue", reason).into());
    }
    Ok(limited(queue.named(name)?))
}

/// Refuses a parameter of the query that is not known.
pub(crate) fn no_parameter(name: &str, known: &[&str]) -> FieldError {
    let meant = did_you_mean(name, known.iter().copied());
    let known = match known {
        [] => "there are none".to_owned(),
        known => format!("known are `{}`", known.join("`, `")),
    };
    let reason = format!("there is no such parameter ({known}){meant}");
    FieldError::new(&handoff_wire::named(name), reason)
}

/// Refuses all parameters.
pub(crate) fn no_parameters(request: &Request) -> Result<(), FieldError> {
    match request.query()?.first() {
        Some((name, _)) => Err(no_parameter(name, &[])),
        None => Ok(()),
    }
}

/// The problem for an unknown id.
pub(crate) fn unknown(id: &str) -> Problem {
    Problem::new(
        404,
        "unknown-task",
        "There is no such task",
        format!(
            "No task here has the id {}. Tasks are deleted when their retention is over.",
            quoted(id)
        ),
    )
}

/// A task as this caller may see it: without the scope `read` only its id and state.
pub(crate) fn seen_by(caller: &Caller, id: &TaskId, view: &TaskView) -> JsonObject {
    match caller.reads {
        true => object::task(id, view),
        false => state_only(id, view.state),
    }
}

/// The task object for callers without the scope `read`.
pub(crate) fn state_only(id: &TaskId, state: State) -> JsonObject {
    JsonObject::default()
        .with("id", id.to_string())
        .with("state", state.to_string())
}

/// Puts an idempotency key into its caller's name space. So callers with other tokens neither find
/// nor take its task.
pub(crate) fn own(key: Option<IdempotencyKey>, caller: &Caller) -> Option<IdempotencyKey> {
    match &caller.name {
        Some(name) => key.map(|key| key.owned_by(name)),
        None => key,
    }
}

/// A task that a request created or found.
pub(crate) struct Taken {
    pub id: TaskId,
    pub object: JsonObject,
    pub state: State,
    /// Whether this request enqueued it.
    pub created: bool,
    /// The receipt with which to wake a worker, unless the task is final.
    pub receipt: Option<Receipt>,
}

impl Taken {
    /// Makes this from a receipt of one task.
    pub(crate) fn new(receipt: Receipt) -> Self {
        Self {
            id: receipt.ids[0].clone(),
            object: accepted(&receipt, 0),
            state: accepted_state(&receipt, 0),
            created: true,
            receipt: Some(receipt),
        }
    }
}

/// Enqueues a task with an idempotency key, or finds the task of that key.
pub(crate) async fn take_once(
    queue: &HostQueue,
    task: TaskSpec,
    key: &IdempotencyKey,
) -> Result<Taken, Problem> {
    let receipt = match queue.enqueue_once(task, key).await? {
        Once::Created(receipt) => return Ok(Taken::new(receipt)),
        Once::Repeated(receipt) => receipt,
        Once::Differs => {
            let mut problem = Problem::new(
                422,
                "idempotency-key-reused",
                "The idempotency key stands for another request",
                "An earlier request with this key asked for something else. Repeat that one as it was, or choose \
                 another key.",
            );
            problem.field = Some("idempotency_key".to_owned());
            return Err(problem);
        }
        Once::Busy => return Err(busy()),
    };
    taken_before(queue, receipt).await
}

/// The problem for concurrent requests with one key.
pub(crate) fn busy() -> Problem {
    Problem::new(
        409,
        "idempotency-key-busy",
        "The same is being asked for",
        "Others ask for the same at this moment, with this idempotency key or to retry this task. Repeat the request: it \
         finds what became of them.",
    )
    .with_header("retry-after", "1")
}

/// Makes this from an earlier request's receipt.
pub(crate) async fn taken_before(queue: &HostQueue, receipt: Receipt) -> Result<Taken, Problem> {
    let id = receipt.ids[0].clone();
    match queue.view(&id).await? {
        Some(view) => Ok(Taken {
            object: object::task(&id, &view),
            state: view.state,
            id,
            created: false,
            // The first request may have died before it woke a worker.
            receipt: (!view.state.is_final()).then_some(receipt),
        }),
        None => Err(unknown(&id.to_string())),
    }
}

/// The task object of a task that was just enqueued.
pub(crate) fn accepted(receipt: &Receipt, i: usize) -> JsonObject {
    let id = &receipt.ids[i];
    let task = &receipt.tasks[i];
    let state = accepted_state(receipt, i);
    object::task(id, &TaskView::waiting(task.clone(), state))
}

fn accepted_state(receipt: &Receipt, i: usize) -> State {
    match receipt.tasks[i].not_before_ms {
        Some(_) => State::Scheduled,
        None => State::Queued,
    }
}
