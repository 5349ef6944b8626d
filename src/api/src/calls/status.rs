//! `GET /status/{task_id}`: tells whether a task is final.

use super::{After, Answer, parse_id, unknown};
use crate::HostQueue;
use handoff_platform::http::{Problem, Response};
use handoff_queue::{Json, Run, RunState, TaskStatus};
use serde::Serialize;
use serde_json::json;

pub(crate) async fn call(queue: &HostQueue, id: &str) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    match queue.status(&id).await? {
        TaskStatus::Unknown => Err(unknown(&id.to_string())),
        TaskStatus::Open => Ok(Answer {
            response: Response::json(200, &json!({"status": "processing"})),
            after: After::Push { waits: true },
        }),
        TaskStatus::Final(run) => Ok(Answer::new(Response::json(200, &body(*run)))),
    }
}

/// The bodies that the article specifies, in its order.
#[derive(Default, Serialize)]
struct Body {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn body(mut run: Run) -> Body {
    match run.state {
        RunState::Succeeded { result, .. } => Body {
            status: "done",
            result: Some(result),
            ..Body::default()
        },
        RunState::Cancelled => Body {
            status: "cancelled",
            ..Body::default()
        },
        RunState::Expired { .. } => Body {
            status: "expired",
            ..Body::default()
        },
        _ => Body {
            status: "failed",
            error: run.errors.pop().map(|e| e.error),
            ..Body::default()
        },
    }
}
