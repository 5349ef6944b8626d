//! What answers to a task's requests have in common.

use crate::Reply;
use handoff_wire::http_date_ms;

/// Of a body that an error repeats so many characters are shown.
const SHOWN_CHARS: usize = 500;

/// What an answer that is no success says, for an error.
pub(crate) fn answered(reply: &Reply) -> String {
    let (status, body) = (reply.status, reply.body.trim_ascii());
    match body {
        [] => format!("answered {status} without a body"),
        body => format!("answered {status}: {}", start_of(body)),
    }
}

/// The begin of a body, for an error.
pub(crate) fn start_of(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .chars()
        .take(SHOWN_CHARS)
        .collect()
}

/// Reads Retry-After, in seconds or as a date. The wait is in milliseconds.
pub(crate) fn retry_after_ms(reply: &Reply, now_ms: u64) -> Option<u64> {
    let value = reply.header("retry-after")?;
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    Some(http_date_ms(value, now_ms)?.saturating_sub(now_ms))
}
