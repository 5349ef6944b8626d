//! Task ids, as in paths.

use super::text;
use handoff_queue::TaskId;

/// What is an id is written in one way only.
pub(crate) fn run(bytes: &[u8]) {
    let Some(text) = text(bytes) else {
        return;
    };
    let Ok(id) = text.parse::<TaskId>() else {
        return;
    };
    assert_eq!(id.to_string(), text);
    assert_eq!(id.to_string().parse(), Ok(id.clone()));
    assert!((1..=i64::MAX as u64).contains(&id.slot()));
    assert!((1..=32).contains(&id.queue().len()));
    assert_eq!(id.nonce().len(), 24);
    // It becomes a part of keys.
    let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    assert!(text.bytes().all(fits), "{text:?}");
}
