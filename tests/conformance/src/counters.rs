//! Counters: what increments answer, and what is read then.

use crate::case::{Case, Ended, Failure, same};
use futures::future::join_all;
use handoff_probe::{count, each_once};
use handoff_queue::Store;

/// Added where a slot is given up.
const SMALL_MARK: u64 = 1 << 20;
/// Added where the first task has a priority: the largest that the queue adds.
const LARGE_MARK: u64 = 1 << 50;
/// A thousand large marks: as far as counters come.
const ROOM: u64 = 1 << 60;

/// Steps of one counter: what is added, and what that makes.
async fn steps(case: &Case<'_, impl Store>, name: &str, steps: &[(u64, u64)]) -> Ended {
    let key = case.key(name);
    for &(delta, expected) in steps {
        case.counts(&key, delta, expected).await?;
    }
    Ok(())
}

pub(crate) async fn absent_counter(case: &Case<'_, impl Store>) -> Ended {
    let key = case.key("k");
    let seen = case.store.counter(&key).await?;
    same(format_args!("absent counter {key}"), seen, 0)?;
    case.counts(&key, 1, 1).await
}

/// From nothing, by nothing, by one and by many. Never down: not every host's store can subtract, and the queue asks none to.
pub(crate) async fn increments(case: &Case<'_, impl Store>) -> Ended {
    steps(case, "from-zero", &[(0, 0), (0, 0), (1, 1)]).await?;
    steps(case, "up", &[(1, 1), (1, 2), (0, 2), (1_000, 1_002)]).await
}

/// A host may keep counters as 8 bytes or as decimal text, and text of 8 characters is 8 bytes too.
pub(crate) async fn eight_digits(case: &Case<'_, impl Store>) -> Ended {
    let up = [
        (9_999_999, 9_999_999),
        (1, 10_000_000),
        (2_345_678, 12_345_678),
        (87_654_321, 99_999_999),
        (1, 100_000_000),
    ];
    steps(case, "up", &up).await
}

/// The marks that the queue adds to a counter beside ones, and numbers that no floating point number holds.
pub(crate) async fn large_numbers(case: &Case<'_, impl Store>) -> Ended {
    let marks = [
        (3, 3),
        (SMALL_MARK, SMALL_MARK + 3),
        (LARGE_MARK, LARGE_MARK + SMALL_MARK + 3),
        (1_000 * LARGE_MARK, 1_001 * LARGE_MARK + SMALL_MARK + 3),
    ];
    steps(case, "marks", &marks).await?;
    let beyond = (1 << 53) + 1;
    let far = [
        (beyond, beyond),
        (1, beyond + 1),
        (ROOM - beyond, ROOM + 1),
        (1, ROOM + 2),
    ];
    steps(case, "high", &far).await
}

/// Counters and values beside each other do not touch each other.
pub(crate) async fn separate_counters(case: &Case<'_, impl Store>) -> Ended {
    let [a, b, value] = ["a", "b", "value"].map(|name| case.key(name));
    case.store.set(&value, b"value").await?;
    case.counts(&a, 1, 1).await?;
    case.counts(&b, 10, 10).await?;
    case.counts(&a, 1, 2).await?;
    case.counts(&b, 3, 13).await?;
    case.reads(&value, Some(b"value")).await
}

pub(crate) async fn deleted_counter(case: &Case<'_, impl Store>) -> Ended {
    let key = case.key("k");
    for start in [3, LARGE_MARK] {
        case.counts(&key, start, start).await?;
        case.store.delete_many(std::slice::from_ref(&key)).await?;
        case.counts(&key, 1, 1).await?;
        case.store.delete_many(std::slice::from_ref(&key)).await?;
    }
    Ok(())
}

/// Several at once, as far as one instance can: inside a component they are one after the other.
pub(crate) async fn increments_at_once(case: &Case<'_, impl Store>) -> Ended {
    const TASKS: u64 = 10;
    const TIMES: u64 = 20;
    let key = case.key("k");
    let tasks = (0..TASKS).map(|_| count(case.store, &key, TIMES));
    let numbers: Result<Vec<_>, _> = join_all(tasks).await.into_iter().collect();
    each_once(numbers?.into_iter().flatten(), TASKS * TIMES)
        .map_err(|what| Failure::from(format!("increments of {key} by {TASKS} tasks: {what}")))
}
