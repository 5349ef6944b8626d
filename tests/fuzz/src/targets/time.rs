//! Points in time, as in bodies; some may be durations from now.

use super::text;
use handoff_wire::{Duration, Time, When, quoted};

/// The end of the year 9999.
const END_MS: u64 = 253_402_300_800_000;

/// What is read can be printed and read again as the same; what is refused is quoted.
pub(crate) fn run(bytes: &[u8]) {
    let Some(text) = text(bytes) else {
        return;
    };
    match text.parse::<Time>() {
        Ok(time) => {
            assert!(time.ms < END_MS, "{text:?} is {}", time.ms);
            let printed = time.to_string();
            assert_eq!(printed.parse(), Ok(time), "{text:?} as {printed:?}");
        }
        Err(reason) => assert!(reason.contains(&quoted(text)), "{reason}"),
    }
    match text.parse::<When>() {
        Ok(When::In(duration)) => assert_eq!(text.parse(), Ok(duration), "{text:?}"),
        Ok(When::At(time)) => assert_eq!(text.parse(), Ok(time), "{text:?}"),
        Err(_) => assert!(text.parse::<Time>().is_err() && text.parse::<Duration>().is_err()),
    }
    // Records may hold any number, and are shown.
    if let Some(ms) = bytes.first_chunk() {
        let ms = u64::from_le_bytes(*ms);
        assert!(!Time { ms }.to_string().is_empty());
    }
}
