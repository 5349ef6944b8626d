//! `DELETE /v1/tasks/{id}`: cancels a task.

use super::{After, Answer, parse_id, unknown};
use crate::HostQueue;
use handoff_platform::http::{Problem, Response};
use handoff_queue::Cancelled;
use handoff_tasks::object;

/// 200 if it will not run (again) or is final already, 202 if it is running: it sees the request at its next checkpoint.
pub async fn call(queue: &HostQueue, id: &str) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    let status = match queue.cancel(&id).await? {
        Cancelled::Done | Cancelled::Final => 200,
        Cancelled::Requested => 202,
        Cancelled::Unknown => return Err(unknown(&id.to_string())),
    };
    match queue.view(&id).await? {
        Some(view) => Ok(Answer {
            response: Response::json(status, &object::task(&id, &view)),
            // What follows from its end waits.
            after: After::Push { waits: true },
        }),
        None => Err(unknown(&id.to_string())),
    }
}
