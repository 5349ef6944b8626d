//! The numbers that increments got.

use handoff_queue::{Store, StoreError};
use std::collections::BTreeMap;

/// Increments a counter `times` times by 1: the part of one instance.
///
/// # Errors
/// If the store fails.
pub async fn count(store: &impl Store, key: &str, times: u64) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    for _ in 0..times {
        numbers.push(store.increment(key, 1).await?);
    }
    Ok(numbers)
}

/// Whether these are the numbers from 1 to `count`, each once, in whatever order.
///
/// # Errors
/// In words: which number came more than once, is missing, or should not be there.
pub fn each_once(numbers: impl IntoIterator<Item = u64>, count: u64) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for number in numbers {
        *seen.entry(number).or_insert(0_u64) += 1;
    }
    let repeated = seen.iter().find(|(_, times)| **times > 1);
    let missing = (1..=count).find(|number| !seen.contains_key(number));
    let strange = seen.keys().find(|number| !(1..=count).contains(*number));
    let mut wrong = Vec::new();
    wrong.extend(repeated.map(|(number, times)| format!("{number} came {times} times")));
    wrong.extend(missing.map(|number| format!("{number} is missing")));
    wrong.extend(strange.map(|number| format!("{number} should not be there")));
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("of 1 to {count}, {}", wrong.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(each_once([3, 1, 2], 3), Ok(()));
        assert_eq!(each_once([], 0), Ok(()));
        for (numbers, expected) in [
            (&[1, 2, 2][..], "of 1 to 3, 2 came 2 times, 3 is missing"),
            (&[1, 2, 3, 3], "of 1 to 3, 3 came 2 times"),
            (&[1, 3], "of 1 to 3, 2 is missing"),
            (&[0, 1, 2], "of 1 to 3, 3 is missing, 0 should not be there"),
            (&[1, 2, 3, 4], "of 1 to 3, 4 should not be there"),
            (&[], "of 1 to 3, 1 is missing"),
        ] {
            let found = each_once(numbers.iter().copied(), 3);
            assert_eq!(found, Err(expected.to_owned()), "{numbers:?}");
        }
    }
}
