//! One file per call.

pub mod batch;
pub mod cancel;
pub mod enqueue;
pub mod events;
pub mod health;
pub mod ping;
pub mod queues;
pub mod show;
pub mod status;
mod wait;

use crate::HostQueue;
use crate::limits;
use crate::view::task_object;
use handoff_input::FieldError;
use handoff_platform::http::{Problem, Response};
use handoff_queue::{Receipt, State, TaskId, TaskView};
use serde_json::Value;

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
    /// The answer is a stream, and the work is to fill it.
    Follow(Box<events::Events>),
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
        return Ok(queue.named(queue.name())?);
    };
    let queues = limits::queues()?;
    if !queues.names().iter().any(|known| known == name) {
        let names = queues.names().join(", ");
        let reason =
            format!("there is no queue {name:?}; this deployment has {names} (variable `queues`)");
        return Err(FieldError::new("queue", reason).into());
    }
    Ok(queue.named(name)?)
}

/// No such task.
pub fn unknown(id: &str) -> Problem {
    Problem::new(
        404,
        "unknown-task",
        "There is no such task",
        format!("No task here has the id {id:?}. Tasks are deleted when their retention is over."),
    )
}

/// The task object of what was just enqueued.
pub fn accepted(receipt: &Receipt, i: usize) -> Value {
    let id = &receipt.ids[i];
    let task = &receipt.tasks[i];
    let state = if task.not_before_ms.is_some() {
        State::Scheduled
    } else {
        State::Queued
    };
    task_object(id, &TaskView::waiting(task.clone(), state))
}
