//! `POST /v1/tasks:batch`: enqueues many tasks at once. Valid ones are taken, the others are named.

use super::{After, Answer};
use crate::new_task::TaskRequest;
use crate::{HostQueue, limits};
use handoff_input::{FieldError, from_value};
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{BATCH_MAX, Env};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    tasks: Vec<Value>,
}

pub async fn call(queue: &HostQueue, request: Request) -> Result<Answer, Problem> {
    let batch: Batch = request.json(limits::body_max_bytes()?).await?;
    let count = batch.tasks.len();
    if count == 0 || count > BATCH_MAX {
        let reason = format!("there are {count} tasks; a batch has from 1 to {BATCH_MAX}");
        return Err(FieldError::new("tasks", reason).into());
    }
    let registry = handoff_tasks::registry(limits::fault_tasks()?);
    let now_ms = queue.env().now_ms();
    let mut taken = Vec::new();
    let mut refused = Vec::new();
    for (i, item) in batch.tasks.into_iter().enumerate() {
        let task = from_value::<TaskRequest>(item).and_then(|t| t.check(&registry, now_ms));
        match task {
            Ok(task) => taken.push(task),
            Err(e) => refused.push((i, Problem::from(e.within(&format!("tasks[{i}]"))))),
        }
    }
    if taken.is_empty() {
        let (_, first) = refused.swap_remove(0);
        return Err(first);
    }
    let receipt = queue.enqueue(taken).await?;
    let mut objects = (0..receipt.ids.len()).map(|i| super::accepted(&receipt, i));
    let mut refused = refused.into_iter().peekable();
    let answers: Vec<Value> = (0..count)
        .filter_map(|i| match refused.next_if(|(at, _)| *at == i) {
            Some((_, problem)) => Some(json!({"error": problem.to_json()})),
            None => objects.next(),
        })
        .collect();
    drop(objects);
    Ok(Answer {
        response: Response::json(202, &json!({"tasks": answers})),
        after: After::Wake(receipt),
    })
}
