//! The timeout of an attempt, and its heartbeat timeout.

use crate::{Duration, FieldError};
use handoff_queue::{HEARTBEAT_TIMEOUT_MIN_MS, TIMEOUT_MAX_MS};

/// Checks `timeout`, which is `default_ms` if it is not given, and `heartbeat_timeout` if it is
/// given. Returns both in milliseconds.
///
/// # Errors
/// The field that can't be used, and why.
pub(crate) fn lease(
    timeout: Option<Duration>,
    heartbeat_timeout: Option<Duration>,
    default_ms: u64,
) -> Result<(u64, Option<u64>), FieldError> {
    let timeout_ms = match timeout {
        Some(timeout) => timeout.between("timeout", 1, TIMEOUT_MAX_MS)?,
        None => default_ms,
    };
    let Some(silence) = heartbeat_timeout else {
        return Ok((timeout_ms, None));
    };
    let least_ms = HEARTBEAT_TIMEOUT_MIN_MS.min(timeout_ms);
    if !(least_ms..=timeout_ms).contains(&silence.ms) {
        let (least, most) = (Duration::from_ms(least_ms), Duration::from_ms(timeout_ms));
        let reason = format!(
            "{silence} is out of bounds: it must be from {least} to the task's timeout, {most}"
        );
        return Err(FieldError::new("heartbeat_timeout", reason));
    }
    Ok((timeout_ms, Some(silence.ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_from_ten_seconds_to_the_timeout() {
        let seconds = |s: u64| Duration::from_ms(s * 1_000);
        let table = [
            (None, None, Some((60_000, None))),
            (None, Some(10), Some((60_000, Some(10_000)))),
            (None, Some(60), Some((60_000, Some(60_000)))),
            (None, Some(9), None),
            (None, Some(61), None),
            (Some(3_600), Some(3_600), Some((3_600_000, Some(3_600_000)))),
            (Some(3_600), Some(3_601), None),
            // A shown task can be sent again.
            (Some(5), Some(5), Some((5_000, Some(5_000)))),
            (Some(5), Some(6), None),
            (Some(5), Some(4), None),
        ];
        for (timeout, silence, expected) in table {
            let read = lease(timeout.map(seconds), silence.map(seconds), 60_000);
            assert_eq!(read.as_ref().ok(), expected.as_ref(), "{read:?}");
            if let Err(e) = read {
                assert_eq!(e.field.as_deref(), Some("heartbeat_timeout"));
            }
        }
    }
}
