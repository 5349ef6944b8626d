//! What a handler is sent.

use crate::signature::signature;
use crate::trace_headers::trace_headers;
use crate::{Call, Context};
use handoff_queue::{Attempt, Json};
use handoff_wire::{Handler, JsonObject, Time};

/// The version of the protocol.
const PROTOCOL: &str = "1";

/// Makes the call of one attempt.
///
/// # Errors
/// If it is to be signed and can't be.
pub(super) fn call(
    handler: &Handler,
    kind: &str,
    args: Json,
    context: &Context,
) -> Result<Call, String> {
    let attempt = context.control().attempt();
    let at_ms = context.now_ms();
    let left_ms = attempt.deadline_ms.saturating_sub(at_ms);
    let body = body(attempt, kind, args, left_ms).to_string().into_bytes();
    // The same in every attempt of this part, so that the handler can recognize a repetition.
    let key = format!("{}.{}", attempt.id, attempt.part);
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("idempotency-key".to_owned(), key.clone()),
        ("handoff-protocol".to_owned(), PROTOCOL.to_owned()),
    ];
    headers.extend(trace_headers(context.trace()));
    if handler.secret.unwrap_or(!handler.is_inside()) {
        let secrets = context.webhook_secrets()?;
        if secrets.is_empty() && handler.secret.is_some() {
            return Err(format!(
                "calls to {} are to be signed, but the variable `webhook_secrets` has none to sign with",
                handler.shown_url()
            ));
        }
        if !secrets.is_empty() {
            headers.extend(signature(&secrets, key, at_ms, &body));
        }
    }
    Ok(Call {
        method: "POST".to_owned(),
        url: handler.url.clone(),
        headers,
        body,
        timeout_ms: left_ms,
        head_only: false,
    })
}

fn body(attempt: &Attempt, kind: &str, args: Json, left_ms: u64) -> JsonObject {
    let deadline = Time {
        ms: attempt.deadline_ms,
    };
    JsonObject::default()
        .with("id", attempt.id.to_string())
        .with("task", kind)
        .with("queue", attempt.id.queue())
        .with("key", &attempt.key)
        .with("args", args)
        .with("attempt", attempt.number)
        .with("attempts_max", attempt.attempts_max)
        .with("part", attempt.part)
        .with("checkpoint", &attempt.checkpoint)
        .with("last_error", &attempt.last_error)
        .with("fence", attempt.fence)
        .with("deadline", deadline)
        .with("left_ms", left_ms)
}
