//! Durations, as in bodies, queries and variables.

use super::{NOW_MS, text};
use handoff_wire::{Duration, FieldError, quoted};

/// What is read can be printed and read again as the same; what is refused is quoted. Bounds hold.
pub(crate) fn run(bytes: &[u8]) {
    let Some(text) = text(bytes) else {
        return;
    };
    match text.parse::<Duration>() {
        Ok(duration) => {
            let printed = duration.to_string();
            assert_eq!(printed.parse(), Ok(duration), "{text:?} as {printed:?}");
            // Nobody who adds it to a time may overflow.
            assert!(duration.ms < u64::MAX / 4 - NOW_MS, "{text:?}");
            bounds(duration);
        }
        Err(reason) => assert!(reason.contains(&quoted(text)), "{reason}"),
    }
    // Records may hold any number, and are shown.
    if let Some(ms) = bytes.first_chunk() {
        let ms = u64::from_le_bytes(*ms);
        assert!(!Duration::from_ms(ms).to_string().is_empty());
    }
}

fn bounds(duration: Duration) {
    match duration.between("wait", 1, 60_000) {
        Ok(ms) => assert!(ms == duration.ms && (1..=60_000).contains(&ms)),
        Err(FieldError { field, reason, .. }) => {
            assert!(!(1..=60_000).contains(&duration.ms), "{reason}");
            assert_eq!(field.as_deref(), Some("wait"));
        }
    }
}
