//! Signing requests by the Standard Webhooks specification.

use handoff_wire::WebhookSecrets;

/// The headers that sign a body. `id` is the same in every attempt, so that a receiver can recognize
/// a repetition.
pub(crate) fn signature(
    secrets: &WebhookSecrets,
    id: String,
    at_ms: u64,
    body: &[u8],
) -> [(String, String); 3] {
    let at_s = at_ms / 1_000;
    let signature = secrets.sign(&id, at_s, body);
    [
        ("webhook-id".to_owned(), id),
        ("webhook-timestamp".to_owned(), at_s.to_string()),
        ("webhook-signature".to_owned(), signature),
    ]
}
