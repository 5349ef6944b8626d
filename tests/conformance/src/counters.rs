//! Counters: what increments answer, and what is read then.

use crate::case::{Case, Ended, Failure, same};
use futures::future::join_all;
use handoff_probe::{count, each_once};
use handoff_queue::Store;

/// Added where a worker leaves or a slot is given up.
const SMALL_MARK: i64 = 1 << 20;
/// Added where a worker steps aside or a second of the timer is closed: the largest that the queue adds.
const LARGE_MARK: i64 = 1 << 40;
/// A million large marks, more than the queue ever adds to one counter.
const ROOM: i64 = 1 << 60;

/// Steps of one counter: what is added, and what that makes.
async fn steps(case: &Case<'_, impl Store>, name: &str, steps: &[(i64, i64)]) -> Ended {
    let key = case.key(name);
    for &(delta, expected) in steps {
        case.counts(&key, delta, expected).await?;
    }
    Ok(())
}

pub async fn absent_counter(case: &Case<'_, impl Store>) -> Ended {
    let key = case.key("k");
    let seen = case.store.counter(&key).await?;
    same(format_args!("absent counter {key}"), seen, 0)?;
    case.counts(&key, 1, 1).await
}

/// Up, down, through zero and not at all.
pub async fn increments(case: &Case<'_, impl Store>) -> Ended {
    steps(case, "from-zero", &[(0, 0), (0, 0), (1, 1)]).await?;
    steps(case, "up", &[(1, 1), (1, 2), (0, 2), (1_000, 1_002)]).await?;
    let through = [
        (5, 5),
        (-5, 0),
        (-3, -3),
        (0, -3),
        (1, -2),
        (4, 2),
        (-2, 0),
        (7, 7),
    ];
    steps(case, "through-zero", &through).await?;
    steps(case, "below", &[(-1, -1), (-10, -11), (12, 1)]).await
}

/// A host may keep counters as 8 bytes or as decimal text, and text of 8 characters is 8 bytes too.
pub async fn eight_digits(case: &Case<'_, impl Store>) -> Ended {
    let up = [
        (9_999_999, 9_999_999),
        (1, 10_000_000),
        (2_345_678, 12_345_678),
        (87_654_321, 99_999_999),
        (1, 100_000_000),
    ];
    steps(case, "up", &up).await?;
    let down = [
        (-999_999, -999_999),
        (-1, -1_000_000),
        (-8_999_999, -9_999_999),
        (-1, -10_000_000),
    ];
    steps(case, "down", &down).await
}

/// The marks that the queue adds to a counter beside ones, and numbers that no floating point number holds.
pub async fn large_numbers(case: &Case<'_, impl Store>) -> Ended {
    let marks = [
        (3, 3),
        (SMALL_MARK, SMALL_MARK + 3),
        (LARGE_MARK, LARGE_MARK + SMALL_MARK + 3),
        (-LARGE_MARK, SMALL_MARK + 3),
        (1_000 * LARGE_MARK, 1_000 * LARGE_MARK + SMALL_MARK + 3),
    ];
    steps(case, "marks", &marks).await?;
    let beyond = (1 << 53) + 1;
    for (name, sign) in [("high", 1), ("low", -1)] {
        let far = [
            (beyond, beyond),
            (1, beyond + 1),
            (ROOM - beyond, ROOM + 1),
            (1, ROOM + 2),
            (-ROOM, 2),
        ];
        steps(
            case,
            name,
            &far.map(|(delta, sum)| (sign * delta, sign * sum)),
        )
        .await?;
    }
    Ok(())
}

/// Counters and values beside each other do not touch each other.
pub async fn separate_counters(case: &Case<'_, impl Store>) -> Ended {
    let [a, b, value] = ["a", "b", "value"].map(|name| case.key(name));
    case.store.set(&value, b"value").await?;
    case.counts(&a, 1, 1).await?;
    case.counts(&b, 10, 10).await?;
    case.counts(&a, 1, 2).await?;
    case.counts(&b, -3, 7).await?;
    case.reads(&value, Some(b"value")).await
}

pub async fn deleted_counter(case: &Case<'_, impl Store>) -> Ended {
    let key = case.key("k");
    for start in [3, LARGE_MARK, -2] {
        case.counts(&key, start, start).await?;
        case.store.delete_many(std::slice::from_ref(&key)).await?;
        case.counts(&key, 1, 1).await?;
        case.store.delete_many(std::slice::from_ref(&key)).await?;
    }
    Ok(())
}

/// Several at once, as far as one instance can: inside a component they are one after the other.
pub async fn increments_at_once(case: &Case<'_, impl Store>) -> Ended {
    const TASKS: i64 = 10;
    const TIMES: i64 = 20;
    let key = case.key("k");
    let tasks = (0..TASKS).map(|_| count(case.store, &key, TIMES as u64));
    let numbers: Result<Vec<_>, _> = join_all(tasks).await.into_iter().collect();
    each_once(numbers?.into_iter().flatten(), TASKS * TIMES)
        .map_err(|what| Failure::from(format!("increments of {key} by {TASKS} tasks: {what}")))
}
