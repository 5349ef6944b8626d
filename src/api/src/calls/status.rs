//! `GET /status/{task_id}`: is it done?

use super::{After, Answer, parse_id, unknown};
use crate::HostQueue;
use handoff_platform::http::{Problem, Response};
use handoff_queue::{Brief, Run, RunState};
use serde_json::{Value, json};

pub async fn call(queue: &HostQueue, id: &str) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    match queue.brief(&id).await? {
        Brief::Unknown => Err(unknown(&id.to_string())),
        Brief::Open => Ok(Answer {
            response: Response::json(200, &json!({"status": "processing"})),
            after: After::Push(Some(id)),
        }),
        Brief::Final(run) => Ok(Answer::new(Response::json(200, &body(*run)))),
    }
}

fn body(run: Run) -> Value {
    match run.state {
        RunState::Succeeded { result, .. } => json!({"status": "done", "result": result}),
        RunState::Cancelled => json!({"status": "cancelled"}),
        _ => {
            let error = run.errors.last().map_or("unknown", |e| e.error.as_str());
            json!({"status": "failed", "error": error})
        }
    }
}
