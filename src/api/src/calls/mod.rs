//! One file per call.

pub mod batch;
pub mod cancel;
pub mod enqueue;
pub mod events;
pub mod failed;
pub mod health;
pub mod ping;
pub mod queues;
pub mod schedules;
pub mod show;
pub mod status;
mod wait;
pub mod workflows;

use crate::{HostQueue, limited, limits};
use handoff_input::{FieldError, JsonObject, did_you_mean, quoted};
use handoff_platform::http::access::Caller;
use handoff_platform::http::{Problem, Response};
use handoff_queue::{IdempotencyKey, Once, Receipt, State, TaskId, TaskSpec, TaskView};
use handoff_tasks::object;

/// The header that makes repeating a request harmless.
pub const KEY_HEADER: &str = "idempotency-key";

/// What a call answers, and what is left to do when the answer is out.
pub struct Answer {
    pub response: Response,
    pub after: After,
}

/// What to see to after the answer.
pub enum After {
    /// Something was enqueued: somebody must work on it.
    Wake(HostQueue, Receipt),
    /// Nothing in particular; a task was seen that waits or runs, or not.
    Push { waits: bool },
    /// Nothing in particular, in any queue.
    PushAll,
    /// The answer is a stream, and the work is to fill it.
    Follow(Box<events::Events>),
}

impl After {
    /// Somebody must work on what a receipt is for, if there is one.
    pub fn wake(queue: HostQueue, receipt: Option<Receipt>) -> Self {
        match receipt {
            Some(receipt) => Self::Wake(queue, receipt),
            None => Self::Push { waits: false },
        }
    }
}

impl Answer {
    /// An answer after which nothing in particular is left to do.
    pub fn new(response: Response) -> Self {
        Self {
            response,
            after: After::Push { waits: false },
        }
    }
}

/// A problem as the answer.
pub fn respond(problem: Problem) -> Response {
    problem.into()
}

/// The id in a path. What is no id of this deployment is no task of it.
pub fn parse_id(text: &str) -> Result<TaskId, Problem> {
    text.parse().map_err(|_| unknown(text))
}

/// The queue that a request names, or else `queue`.
pub fn named(queue: &HostQueue, name: Option<&str>) -> Result<HostQueue, Problem> {
    let Some(name) = name else {
        return limited(queue.named(queue.name())?);
    };
    let queues = limits::queues()?;
    if !queues.has(name) {
        let meant = did_you_mean(name, queues.names().iter().map(String::as_str));
        let names = queues.names().join(", ");
        let name = quoted(name);
        let reason = format!(
            "there is no queue {name}{meant} (this deployment has {names}: variable `queues`)"
        );
        return Err(FieldError::new("queue", reason).into());
    }
    limited(queue.named(name)?)
}

/// A parameter of the query that is none of those that are known.
pub fn no_parameter(name: &str, known: &[&str]) -> FieldError {
    let meant = did_you_mean(name, known.iter().copied());
    let known = match known {
        [] => "there are none".to_owned(),
        known => format!("known are `{}`", known.join("`, `")),
    };
    let reason = format!("there is no such parameter ({known}){meant}");
    FieldError::new(&handoff_input::named(name), reason)
}

/// No such task.
pub fn unknown(id: &str) -> Problem {
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

/// A task as this caller may see it: without the scope `read` its id and state.
pub fn seen_by(caller: &Caller, id: &TaskId, view: &TaskView) -> JsonObject {
    match caller.reads {
        true => object::task(id, view),
        false => state_only(id, view.state),
    }
}

/// What whoever may not read is told.
pub fn state_only(id: &TaskId, state: State) -> JsonObject {
    JsonObject::default()
        .with("id", id.to_string())
        .with("state", state.to_string())
}

/// The idempotency key of a caller: that of another token's name is another key, so that nobody finds or takes another's.
pub fn own(key: Option<IdempotencyKey>, caller: &Caller) -> Option<IdempotencyKey> {
    match &caller.name {
        Some(name) => key.map(|key| key.owned_by(name)),
        None => key,
    }
}

/// A task that a request gets.
pub struct Taken {
    pub id: TaskId,
    pub object: JsonObject,
    pub state: State,
    /// Whether this request is the one that enqueued it.
    pub created: bool,
    /// Whom to wake somebody for, unless it is final.
    pub receipt: Option<Receipt>,
}

impl Taken {
    /// The only task of a receipt.
    pub fn new(receipt: Receipt) -> Self {
        Self {
            id: receipt.ids[0].clone(),
            object: accepted(&receipt, 0),
            state: accepted_state(&receipt, 0),
            created: true,
            receipt: Some(receipt),
        }
    }
}

/// Enqueues a task with an idempotency key, or finds the one that stands for it.
pub async fn take_once(
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

/// Others ask for the same at this moment.
pub fn busy() -> Problem {
    Problem::new(
        409,
        "idempotency-key-busy",
        "The same is being asked for",
        "Others ask for the same at this moment, with this idempotency key or to retry this task. Repeat the request: it \
         finds what became of them.",
    )
    .with_header("retry-after", "1")
}

/// The task of an earlier request.
pub async fn taken_before(queue: &HostQueue, receipt: Receipt) -> Result<Taken, Problem> {
    let id = receipt.ids[0].clone();
    match queue.view(&id).await? {
        Some(view) => Ok(Taken {
            object: object::task(&id, &view),
            state: view.state,
            id,
            created: false,
            // Its first request may have died before it woke anybody.
            receipt: (!view.state.is_final()).then_some(receipt),
        }),
        None => Err(unknown(&id.to_string())),
    }
}

/// The task object of what was just enqueued.
pub fn accepted(receipt: &Receipt, i: usize) -> JsonObject {
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
