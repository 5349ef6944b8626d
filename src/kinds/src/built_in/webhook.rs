//! Webhooks: a request to a URL when a task ended. A webhook is a follow-up, and is retried like
//! any task.

use super::http_request::judge;
use crate::signature::signature;
use crate::trace_headers::trace_headers;
use crate::{Call, Context, Outcome, SendError, Task};
use handoff_queue::TaskView;
use handoff_wire::{JsonObject, Time, WEBHOOK, WebhookArgs, object};
use serde_json::json;

/// The outcome that it follows is written just after it was enqueued. It waits this long for that …
const PATIENCE_MS: u64 = 2_000;
const LOOK_EVERY_MS: u64 = 25;
/// … and snoozes this long if the writer died, until rescue has found the task's fate.
const PUT_OFF_MS: u64 = 30_000;

/// The webhook's task. The URL receives a POST of
/// `{"type": "task.succeeded", "timestamp": …, "data": the task object}`, with the headers of the
/// Standard Webhooks specification. Callers can't enqueue it.
pub(crate) struct Webhook;

impl Task for Webhook {
    const NAME: &'static str = WEBHOOK;
    type Args = WebhookArgs;

    async fn run(args: WebhookArgs, context: Context) -> Outcome {
        let Some(id) = context.end_of().cloned() else {
            return Outcome::Fail("it follows the end of a task, and of none here".to_owned());
        };
        let view = match ended(&context).await {
            Ok(view) => view,
            Err(outcome) => return outcome,
        };
        let secrets = match context.webhook_secrets() {
            Ok(secrets) if !secrets.is_empty() => secrets,
            Ok(_) => return Outcome::retry("the variable `webhook_secrets` has none to sign with"),
            Err(error) => return Outcome::retry(error),
        };
        let at_ms = context.now_ms();
        let ended = Time {
            ms: view.ended_ms.unwrap_or(at_ms),
        };
        let message = JsonObject::default()
            .with("type", format!("task.{}", view.state))
            .with("timestamp", ended)
            .with("data", object::task(&id, &view));
        let body = message.to_string().into_bytes();
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(signature(&secrets, format!("msg_{id}"), at_ms, &body));
        headers.extend(trace_headers(context.trace()));
        let call = Call {
            method: "POST".to_owned(),
            url: args.url,
            headers,
            body,
            timeout_ms: context.left_ms(),
            // A 2xx status is enough, so its body is not read.
            head_only: true,
        };
        match context.send(call).await {
            Ok(reply) if (200..300).contains(&reply.status) => {
                Outcome::done(json!({"status": reply.status}))
            }
            // The receiver wants no further webhooks.
            Ok(reply) if reply.status == 410 => judge(&reply, at_ms),
            Ok(reply) => match judge(&reply, context.now_ms()) {
                // Receivers may answer anything while they are being deployed.
                Outcome::Fail(error) => Outcome::retry(error),
                other => other,
            },
            // Retry even if the host forbids the call, until an operator allows it.
            Err(SendError::Call(error)) => Outcome::retry(error.to_string()),
            Err(SendError::Cancelled) => Outcome::Cancelled,
        }
    }
}

/// Returns the task that ended, or the outcome of this run.
async fn ended(context: &Context) -> Result<TaskView, Outcome> {
    let until_ms = context.now_ms() + PATIENCE_MS;
    loop {
        match context.ended_task().await {
            Err(error) => return Err(Outcome::retry(error)),
            Ok(None) => {
                let gone = "the task is gone: its retention was over before it could be told";
                return Err(Outcome::Fail(gone.to_owned()));
            }
            Ok(Some(view)) if view.state.is_final() => return Ok(view),
            Ok(Some(_)) if context.now_ms() >= until_ms => return Err(Outcome::Snooze(PUT_OFF_MS)),
            Ok(Some(_)) => {}
        }
        if context.sleep(LOOK_EVERY_MS).await.is_err() {
            return Err(Outcome::Cancelled);
        }
    }
}
