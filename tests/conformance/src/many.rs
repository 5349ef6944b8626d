//! Calls with several keys.

use crate::case::{Case, Ended, Failure, same};
use handoff_queue::Store;

/// As many as the largest batch enqueues at once, and a few.
const HUNDREDS: usize = 1_100;

pub(crate) async fn get_many_in_order(case: &Case<'_, impl Store>) -> Ended {
    let [a, b, c, absent] = ["a", "b", "c", "absent"].map(|name| case.key(name));
    for key in [&a, &b, &c] {
        case.store.set(key, key.as_bytes()).await?;
    }
    let there = |key| (key, Some(String::as_bytes(key)));
    case.reads_many(&[
        there(&c),
        (&absent, None),
        there(&a),
        there(&c),
        (&absent, None),
        there(&b),
        there(&c),
    ])
    .await
}

pub(crate) async fn get_many_of_none(case: &Case<'_, impl Store>) -> Ended {
    case.reads_many(&[]).await
}

pub(crate) async fn set_one_of_many(case: &Case<'_, impl Store>) -> Ended {
    let (key, other) = (case.key("k"), case.key("other"));
    case.store.set(&other, b"stays").await?;
    for value in [&b"first"[..], b"second"] {
        let entry = (key.clone(), value.to_vec());
        case.store.set_many(&[entry]).await?;
        case.reads(&key, Some(value)).await?;
    }
    case.reads(&other, Some(b"stays")).await
}

pub(crate) async fn set_hundreds(case: &Case<'_, impl Store>) -> Ended {
    let keys: Vec<_> = (0..HUNDREDS).map(|i| case.key(i)).collect();
    let entry = |key: &String| (key.clone(), key.clone().into_bytes());
    let entries: Vec<_> = keys.iter().map(entry).collect();
    // One of them is there before.
    case.store.set(&keys[HUNDREDS / 2], b"before").await?;
    case.store.set_many(&entries).await?;
    let there: Vec<_> = keys.iter().map(|k| (k, Some(k.as_bytes()))).collect();
    case.reads_many(&there).await?;
    case.store.delete_many(&keys).await?;
    let gone: Vec<_> = keys.iter().map(|key| (key, None)).collect();
    case.reads_many(&gone).await
}

/// Entries may be applied in any order, so either of the two may win.
pub(crate) async fn set_repeated_key(case: &Case<'_, impl Store>) -> Ended {
    let (key, other) = (case.key("k"), case.key("other"));
    let values = [b"one".to_vec(), b"two".to_vec()];
    let [one, two] = values.clone().map(|value| (key.clone(), value));
    let between = (other.clone(), b"between".to_vec());
    case.store.set_many(&[one, between, two]).await?;
    match case.store.get(&key).await? {
        Some(value) if values.contains(&value) => {}
        seen => {
            let what = format!("{key}, set twice at once, is neither value: {seen:?}");
            return Err(Failure::from(what));
        }
    }
    case.reads(&other, Some(b"between")).await
}

/// Present, absent and repeated keys at once.
pub(crate) async fn delete_values(case: &Case<'_, impl Store>) -> Ended {
    let [a, b, kept, absent] = ["a", "b", "kept", "absent"].map(|name| case.key(name));
    for key in [&a, &b, &kept] {
        case.store.set(key, b"value").await?;
    }
    for _ in 0..2 {
        let doomed = [&a, &absent, &b, &a].map(String::clone);
        case.store.delete_many(&doomed).await?;
        for key in [&a, &b, &absent] {
            case.reads(key, None).await?;
        }
        case.reads(&kept, Some(b"value")).await?;
    }
    case.store.set(&a, b"again").await?;
    case.reads(&a, Some(b"again")).await
}

/// Counters beside values, and with a neighbour that stays.
pub(crate) async fn delete_counters(case: &Case<'_, impl Store>) -> Ended {
    let [a, b, kept, value] = ["a", "b", "kept", "value"].map(|name| case.key(name));
    for key in [&a, &b, &kept] {
        case.store.increment(key, 5).await?;
    }
    case.store.set(&value, b"value").await?;
    let doomed = [&a, &value, &b, &a].map(String::clone);
    case.store.delete_many(&doomed).await?;
    for key in [&a, &b] {
        let seen = case.store.counter(key).await?;
        same(format_args!("deleted counter {key}"), seen, 0)?;
        case.reads(key, None).await?;
    }
    case.reads(&value, None).await?;
    let seen = case.store.counter(&kept).await?;
    same(format_args!("counter {kept}, not deleted"), seen, 5)
}
