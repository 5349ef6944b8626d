//! Tells a URL how a task ended. It follows the end of a task that asked for it, and is retried like any task.

use crate::http_request::{judge, trace_headers};
use crate::{Call, Context, FieldError, Outcome, SendError, Task, object};
use handoff_input::{JsonObject, Time, check_url};
use handoff_queue::{FollowUp, RetryPolicy, TaskView};
use serde::Deserialize;
use serde_json::json;

/// How long the receiver may take.
const TIMEOUT_MS: u64 = 20_000;
/// Waits of 5 s, 20 s, 80 s … up to 6 h, each by chance shorter: some 4 hours in all, at most 8.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 8,
    initial_ms: 5_000,
    factor: 4.0,
    max_ms: 6 * 3_600_000,
};
/// The end that it follows is written just after it was enqueued: so long it waits in place …
const PATIENCE_MS: u64 = 2_000;
const LOOK_EVERY_MS: u64 = 25;
/// … and longer if whoever was about to write it died: until rescue has found that.
const PUT_OFF_MS: u64 = 30_000;

/// What the URL receives is a POST of `{"type": "task.succeeded", "timestamp": …, "data": the task object}`, with the headers
/// of the Standard Webhooks specification. It follows an end only: nobody enqueues it.
pub struct Webhook;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    url: String,
}

/// What makes a task tell this URL how it ended.
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

/// The URL that is told how a task ended.
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
        // The same whenever it is sent: whoever receives it twice can tell.
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
            // Whatever else it says: it was told.
            head_only: true,
        };
        match context.send(call).await {
            Ok(reply) if (200..300).contains(&reply.status) => {
                Outcome::done(json!({"status": reply.status}))
            }
            // It does not want any more.
            Ok(reply) if reply.status == 410 => judge(&reply, at_ms),
            Ok(reply) => match judge(&reply, context.now_ms()) {
                // Receivers answer anything while they are deployed.
                Outcome::Fail(error) => Outcome::retry(error),
                other => other,
            },
            // Also where the host may not call it: until somebody lets it.
            Err(SendError::Call(error)) => Outcome::retry(error.to_string()),
            Err(SendError::Cancelled) => Outcome::Cancelled,
        }
    }
}

/// The task that ended, or else what to do.
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
