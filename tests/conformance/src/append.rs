//! Records under the next numbers of a counter, and what is read when they are written.

use crate::case::{Case, Ended, Failure, same};
use futures::future::join_all;
use handoff_probe::each_once;
use handoff_queue::{Append, Appended, Store};

/// Where the slots of a priority begin.
const BASE: u64 = 1 << 50;
/// Flags that the queue keeps above a counter's number.
const FLAGS: u64 = 700 * BASE;

/// Appends records, and expects their numbers to end here.
async fn append(
    case: &Case<'_, impl Store>,
    base: u64,
    records: &[Vec<u8>],
    look: &[String],
    expected: u64,
) -> Result<Vec<u64>, Failure> {
    let (counter, prefix) = (case.key("counter"), format!("{}r.", case.prefix()));
    let count = records.len() as u64;
    (expected + 1 - count..=expected).for_each(|n| _ = case.key(format_args!("r.{n}")));
    let append = Append {
        counter: &counter,
        prefix: &prefix,
        base,
        records,
        look,
    };
    let Appended { last, look } = case.store.append(append).await?;
    let what = format_args!("the last number when {count} records are appended to {counter}");
    same(what, last, expected)?;
    Ok(look)
}

pub(crate) async fn append_in_order(case: &Case<'_, impl Store>) -> Ended {
    let [a, b, c, d] = ["a", "", "c", "d"].map(|text| text.as_bytes().to_vec());
    append(case, 0, std::slice::from_ref(&a), &[], 1).await?;
    append(case, 0, &[b, c, d], &[], 4).await?;
    for (n, value) in (1..).zip(["a", "", "c", "d"]) {
        case.reads(&case.key(format_args!("r.{n}")), Some(value.as_bytes()))
            .await?;
    }
    case.reads(&case.key("r.5"), None).await?;
    case.counts(&case.key("counter"), 1, 5).await
}

/// A batch of tasks whose records hold any bytes.
pub(crate) async fn append_hundreds(case: &Case<'_, impl Store>) -> Ended {
    let record = |n: u8| vec![n; usize::from(n) * 3];
    let records: Vec<_> = (0..=255).map(record).collect();
    append(case, BASE, &records, &[], BASE + 256).await?;
    for n in [0, 1, 128, 255] {
        let key = case.key(format_args!("r.{}", BASE + 1 + u64::from(n)));
        case.reads(&key, Some(&record(n))).await?;
    }
    Ok(())
}

/// Flags in the counter are no part of the number, and change no digit of it.
pub(crate) async fn append_beside_flags(case: &Case<'_, impl Store>) -> Ended {
    let counter = case.key("counter");
    case.store.increment(&counter, FLAGS + 6).await?;
    let look = append(case, BASE, &[b"7".to_vec()], &[counter], BASE + 7).await?;
    same("the counter with its flags", look, vec![FLAGS + 7])?;
    let key = case.key(format_args!("r.{}", BASE + 7));
    case.reads(&key, Some(b"7")).await
}

/// Whoever looks sees at least what it wrote itself: a snapshot from before does not do.
pub(crate) async fn append_looks_last(case: &Case<'_, impl Store>) -> Ended {
    let [counter, other, absent] = ["counter", "other", "absent"].map(|name| case.key(name));
    case.store.increment(&other, 12).await?;
    let look = [other, absent, counter.clone(), counter];
    let records = [b"1".to_vec(), b"2".to_vec()];
    let seen = append(case, 0, &records, &look, 2).await?;
    same("the counters read afterwards", seen, vec![12, 0, 2, 2])
}

/// Several at once, as far as one instance can.
pub(crate) async fn appends_at_once(case: &Case<'_, impl Store>) -> Ended {
    const TASKS: u64 = 20;
    let (counter, prefix) = (case.key("counter"), format!("{}r.", case.prefix()));
    (1..=TASKS).for_each(|n| _ = case.key(format_args!("r.{n}")));
    let records = [b"x".to_vec()];
    let append = Append {
        counter: &counter,
        prefix: &prefix,
        base: 0,
        records: &records,
        look: &[],
    };
    let tasks = (0..TASKS).map(|_| case.store.append(append));
    let appended: Result<Vec<_>, _> = join_all(tasks).await.into_iter().collect();
    each_once(appended?.into_iter().map(|done| done.last), TASKS)
        .map_err(|what| Failure::from(format!("{TASKS} appends to {counter}: {what}")))
}
