//! `GET /v1/tasks/{id}`: shows a task. With a wait it answers once the task is final, or after that
//! time.

use super::wait::Wait;
use super::{After, Answer, parse_id, unknown};
use crate::HostQueue;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::State;
use handoff_wire::object;

pub(crate) async fn call(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    let wait = Wait::asked(request)?;
    if let Some(wait) = &wait {
        queue.wait(&id, wait.ms).await?;
    }
    let Some(view) = queue.view(&id).await? else {
        return Err(unknown(&id.to_string()));
    };
    let mut object = object::task(&id, &view);
    if view.state == State::Failed {
        let retried = queue.retry_of(&id, &view.task).await?;
        object.put_some("retried_as", retried.map(|id| id.to_string()));
    }
    let mut response = Response::json(200, &object).varies("Accept");
    if let Some(wait) = &wait {
        response = wait.applied(response);
    }
    let waits = !view.state.is_final();
    Ok(Answer {
        response,
        after: After::Push { waits },
    })
}
