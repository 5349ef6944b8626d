//! The webhook of a task: the follow-up that sends its end to a URL.

use crate::{FieldError, check_url};
use handoff_queue::{FollowUp, RetryPolicy};
use serde::Deserialize;
use serde_json::json;

/// The kind of the follow-up's task. Callers can't enqueue it.
pub const WEBHOOK: &str = "webhook";
/// The longest time in which the receiver may answer.
const TIMEOUT_MS: u64 = 20_000;
/// Waits of 5 s, 20 s, 80 s … up to 6 h, each shortened at random: some 4 hours in all, at most 8.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 8,
    initial_ms: 5_000,
    factor: 4.0,
    max_ms: 6 * 3_600_000,
};

/// The arguments of that task.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookArgs {
    /// The receiver.
    pub url: String,
}

/// Makes the follow-up that sends a task's end to this URL.
///
/// # Errors
/// If the URL may not be called.
pub(crate) fn webhook(url: &str) -> Result<FollowUp, FieldError> {
    check_url(url).map_err(|reason| FieldError::new("webhook", reason))?;
    Ok(FollowUp {
        kind: WEBHOOK.to_owned(),
        args: json!({"url": url}).into(),
        timeout_ms: TIMEOUT_MS,
        retry: RETRY,
    })
}

/// The URL of a webhook.
pub(crate) fn url(follow_up: &FollowUp) -> Option<String> {
    let told = follow_up.kind == WEBHOOK;
    let args = told.then(|| follow_up.args.read::<WebhookArgs>().ok())?;
    args.map(|args| args.url)
}
