//! `GET /v1/tasks/{id}`: everything about a task. With `?wait=20s` the answer comes when it is final, or after that
//! time.

use super::{After, Answer, parse_id, unknown};
use crate::limits::WAIT_MAX;
use crate::view::task_object;
use crate::{HostQueue, limits};
use handoff_input::{Duration, FieldError};
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Brief, Env, TaskId};

/// The first and the longest pause between two looks.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 5..=100;

pub async fn call(queue: &HostQueue, id: &str, request: &Request) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    if let Some(wait_ms) = wait_ms(request)? {
        wait(queue, &id, wait_ms).await?;
    }
    let Some(view) = queue.view(&id).await? else {
        return Err(unknown(&id.to_string()));
    };
    let response = Response::json(200, &task_object(&id, &view));
    let waits = !view.state.is_final();
    Ok(Answer {
        response,
        after: After::Push { waits },
    })
}

fn wait_ms(request: &Request) -> Result<Option<u64>, FieldError> {
    let mut wait_ms = None;
    for (name, value) in request.query() {
        if name != "wait" {
            return Err(FieldError::new(
                name,
                "there is no such parameter; expected `wait`",
            ));
        }
        let wait: Duration = value
            .parse()
            .map_err(|e: String| FieldError::new("wait", e))?;
        wait_ms = Some(wait.between("wait", 0, WAIT_MAX.ms)?);
    }
    Ok(wait_ms)
}

async fn wait(queue: &HostQueue, id: &TaskId, wait_ms: u64) -> Result<(), Problem> {
    let end_ms = queue.env().now_ms() + wait_ms;
    let mut pause_ms = *PAUSE_MS.start();
    let mut pushed_ms = 0;
    while queue.brief(id).await? == Brief::Open {
        let now_ms = queue.env().now_ms();
        if now_ms >= end_ms {
            break;
        }
        // A long wait must not rely on others' requests to push the queue along.
        if now_ms >= pushed_ms + limits::PUSH_EVERY_MS {
            queue.push_along(true).await?;
            pushed_ms = now_ms;
        }
        queue.env().sleep_ms(pause_ms.min(end_ms - now_ms)).await;
        pause_ms = (pause_ms * 2).min(*PAUSE_MS.end());
    }
    Ok(())
}
