//! One value: set, read, overwritten.

use crate::case::{Case, Ended};
use handoff_queue::Store;

pub(crate) async fn absent_value(case: &Case<'_, impl Store>) -> Ended {
    case.reads(&case.key("k"), None).await
}

pub(crate) async fn set_and_get(case: &Case<'_, impl Store>) -> Ended {
    set_and_read(case, b"value").await
}

pub(crate) async fn overwrite(case: &Case<'_, impl Store>) -> Ended {
    let key = case.key("k");
    for value in [&b"first"[..], b"longer than the first", b"short", b"short"] {
        case.store.set(&key, value).await?;
        case.reads(&key, Some(value)).await?;
    }
    Ok(())
}

/// A value of no bytes is there all the same.
pub(crate) async fn empty_value(case: &Case<'_, impl Store>) -> Ended {
    set_and_read(case, b"").await
}

/// Four times the largest record of the queue.
pub(crate) async fn large_value(case: &Case<'_, impl Store>) -> Ended {
    let bytes = (0_u32..1 << 20).map(|i| (i ^ (i >> 8)) as u8);
    set_and_read(case, &bytes.collect::<Vec<_>>()).await
}

/// What no text has: all bytes, in both directions.
pub(crate) async fn any_bytes(case: &Case<'_, impl Store>) -> Ended {
    let bytes = (0..=u8::MAX).chain((0..=u8::MAX).rev());
    set_and_read(case, &bytes.collect::<Vec<_>>()).await
}

/// A value that looks like a number stays the bytes that it is.
pub(crate) async fn numbers_as_text(case: &Case<'_, impl Store>) -> Ended {
    for value in ["7", "007", "-0", "+1", " 1", "1e3", "9007199254740993"] {
        set_and_read(case, value.as_bytes()).await?;
    }
    Ok(())
}

async fn set_and_read(case: &Case<'_, impl Store>, value: &[u8]) -> Ended {
    let key = case.key("k");
    case.store.set(&key, value).await?;
    case.reads(&key, Some(value)).await
}
