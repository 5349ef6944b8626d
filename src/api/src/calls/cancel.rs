//! `DELETE /v1/tasks/{id}`: cancels a task.

use super::{After, Answer, parse_id, seen_by, unknown};
use crate::HostQueue;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::Cancelled;

/// Answers 200 if the task will not run (again) or is final already. Answers 202 if it is running:
/// it sees the request at its next `await`.
pub(crate) async fn call(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    let status = match queue.cancel(&id).await? {
        Cancelled::Done | Cancelled::Final => 200,
        Cancelled::Requested => 202,
        Cancelled::Unknown => return Err(unknown(&id.to_string())),
    };
    match queue.view(&id).await? {
        Some(view) => Ok(Answer {
            response: Response::json(status, &seen_by(request.caller(), &id, &view)),
            // The follow-up of its end waits.
            after: After::Push { waits: true },
        }),
        None => Err(unknown(&id.to_string())),
    }
}
