//! `POST /v1/tasks:batch`: enqueues many tasks at once. Valid ones are taken, the others are named.

use super::{After, Answer};
use crate::{HostQueue, limits};
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::Env;
use handoff_tasks::BatchRequest;
use serde_json::{Value, json};

pub async fn call(queue: &HostQueue, request: Request) -> Result<Answer, Problem> {
    let trace = request.trace();
    let args_max = limits::args_max_bytes()?;
    let batch: BatchRequest = request.json(limits::body_max_bytes()?).await?;
    let queue = super::named(queue, batch.queue())?;
    let registry = handoff_tasks::registry(limits::fault_tasks()?);
    let tasks = batch.check(&registry, queue.env().now_ms())?;
    let count = tasks.len();
    let mut taken = Vec::new();
    let mut refused = Vec::new();
    for (i, task) in tasks.into_iter().enumerate() {
        let task = task.map_err(Problem::from).and_then(|mut task| {
            limits::check_args(&task.args, args_max, &format!("tasks[{i}].args"))?;
            task.trace = trace.clone();
            Ok(task)
        });
        match task {
            Ok(task) => taken.push(task),
            Err(problem) => refused.push((i, problem)),
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
        after: After::Wake(queue, receipt),
    })
}
