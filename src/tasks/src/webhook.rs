//! Webhooks: a request to a URL when a task ended. A webhook is a follow-up, and is retried like
//! any task.

use crate::http_request::{judge, trace_headers};
use crate::{Call, Context, FieldError, Outcome, SendError, Task, object};
use handoff_input::{JsonObject, Time, check_url};
use handoff_queue::{FollowUp, RetryPolicy, TaskView};
use serde::Deserialize;
use serde_json::json;

/// The longest time in which the receiver may answer.
const TIMEOUT_MS: u64 = 20_000;
/// Waits of 5 s, 20 s, 80 s … up to 6 h, each shortened at random: some 4 hours in all, at most 8.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 8,
    initial_ms: 5_000,
    factor: 4.0,
    max_ms: 6 * 3_600_000,
};
/// The outcome that it follows is written just after it was enqueued. It waits this long for that …
const PATIENCE_MS: u64 = 2_000;
const LOOK_EVERY_MS: u64 = 25;
/// … and snoozes this long if the writer died, until rescue has found the task's fate.
const PUT_OFF_MS: u64 = 30_000;

/// The webhook's task. The URL receives a POST of
/// `{"type": "task.succeeded", "timestamp": …, "data": the task object}`, with the headers of the
/// Standard Webhooks specification. Callers can't enqueue it.
pub struct Webhook;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    url: String,
}

/// Makes the follow-up that sends a task's end to this URL.
///
/// # Errors
/// If the URL may not be called.
pub fn webhook(url: &str) -> Result<FollowUp, FieldError> {
    check_url(url).map_err(|reason| FieldError::new("webhook", reason))?;
    Ok(FollowUp {
        kind: Webhook::NAME.to_owned(),
        args: json!({"url": url}).into(),
        timeout_ms: TIMEOUT_MS,
        retry: RETRY,
    })
}

/// The URL of a webhook.
pub(crate) fn url(follow_up: &FollowUp) -> Option<String> {
    let told = follow_up.kind == Webhook::NAME;
    let args = told.then(|| follow_up.args.read::<Args>().ok())?;
    args.map(|args| args.url)
}

impl Task for Webhook {
    const NAME: &'static str = "webhook";
    type Args = Args;

    async fn run(args: Args, context: Context) -> Outcome {
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
        // The id is the same in every attempt, so a receiver can recognize a repetition.
        let (message_id, timestamp_s) = (format!("msg_{id}"), at_ms / 1_000);
        let body = message.to_string().into_bytes();
        let signature = secrets.sign(&message_id, timestamp_s, &body);
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), message_id),
            ("webhook-timestamp".to_owned(), timestamp_s.to_string()),
            ("webhook-signature".to_owned(), signature),
        ];
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
