//! `POST /v1/tasks:batch`: enqueues many tasks at once. It takes the valid ones and names the
//! others.

use super::{After, Answer, KEY_HEADER};
use crate::{HostQueue, limits};
use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Env, IdempotencyKey, Receipt, TaskSpec};
use handoff_wire::{BatchRequest, Checked, FieldError, JsonObject};

pub(crate) async fn call(
    tasks: Tasks,
    queue: &HostQueue,
    request: Request,
) -> Result<Answer, Problem> {
    let trace = request.trace();
    let caller = request.caller().clone();
    if request.sole_header(KEY_HEADER)?.is_some() {
        let reason = "a batch has no key; its tasks may have an idempotency_key each";
        return Err(FieldError::new(KEY_HEADER, reason).into());
    }
    if let Some((name, _)) = request.query()?.first() {
        let reason = "a batch has no parameters, and is not waited for";
        return Err(FieldError::new(&handoff_wire::named(name), reason).into());
    }
    let (batch, bytes): (BatchRequest, _) = request.json(limits::body_max_bytes).await?;
    let queue = super::named(queue, batch.queue())?;
    let registry = limits::registry(tasks, bytes)?;
    let tasks = batch.check(&registry, queue.env().now_ms())?;

    let mut answers: Vec<Result<JsonObject, Problem>> = Vec::with_capacity(tasks.len());
    let mut receipt = Receipt::default();
    let (mut plain, mut places) = (Vec::new(), Vec::new());
    for (i, checked) in tasks.into_iter().enumerate() {
        let checked = checked.map_err(Problem::from).and_then(|mut checked| {
            limits::check_webhook(&checked.task, &format!("tasks[{i}].webhook"))?;
            checked.task.trace = trace.clone();
            checked.key = super::own(checked.key, &caller);
            Ok(checked)
        });
        answers.push(match checked {
            Err(problem) => Err(problem),
            Ok(Checked { task, key: None }) => {
                plain.push(task);
                places.push(i);
                Ok(JsonObject::default())
            }
            // Before the others: if the store fails here, repeating the batch enqueues nothing
            // twice.
            Ok(Checked {
                task,
                key: Some(key),
            }) => once(&queue, task, &key, &mut receipt, i).await?,
        });
    }
    if !plain.is_empty() {
        let plain = queue.enqueue(plain).await?;
        for (i, place) in places.into_iter().enumerate() {
            answers[place] = Ok(super::accepted(&plain, i));
        }
        receipt.merge(plain);
    }
    if answers.iter().all(Result::is_err) {
        let first = answers.into_iter().find_map(Result::err);
        return Err(first.unwrap_or_else(|| Problem::not_found("There are no tasks.")));
    }
    let entry = |answer: Result<JsonObject, Problem>| {
        answer.unwrap_or_else(|problem| JsonObject::default().with("error", problem.to_json()))
    };
    let answers: Vec<_> = answers.into_iter().map(entry).collect();
    Ok(Answer {
        response: Response::json(202, &JsonObject::default().with("tasks", answers)),
        after: After::wake(queue, (!receipt.ids.is_empty()).then_some(receipt)),
    })
}

/// Enqueues an item with an idempotency key by itself. Its entry says whether it is an earlier
/// request's task. Only failures of the store concern the others.
async fn once(
    queue: &HostQueue,
    task: TaskSpec,
    key: &IdempotencyKey,
    receipt: &mut Receipt,
    i: usize,
) -> Result<Result<JsonObject, Problem>, Problem> {
    match super::take_once(queue, task, key).await {
        Ok(mut taken) => {
            taken.object.put("repeated", !taken.created);
            if let Some(taken) = taken.receipt {
                receipt.merge(taken);
            }
            Ok(Ok(taken.object))
        }
        Err(mut problem) if problem.status < 500 || problem.is_of_a_record() => {
            problem.field = problem.field.map(|f| format!("tasks[{i}].{f}"));
            Ok(Err(problem))
        }
        Err(problem) => Err(problem),
    }
}
