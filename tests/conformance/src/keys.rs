//! Keys: 1 to 96 characters of `a-z 0-9 . _ - =`, and each is its own.

use crate::case::{Case, Ended};
use handoff_queue::Store;

const LENGTH_MAX: usize = 96;
const CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789._-=";

/// Two keys of the greatest length that differ in their last character only.
pub(crate) async fn longest_keys(case: &Case<'_, impl Store>) -> Ended {
    let start = "k".repeat(LENGTH_MAX - 1 - case.prefix().len());
    are_separate(case, &[format!("{start}1"), format!("{start}2")]).await
}

/// None is lost or taken for another, at the end of a key or inside.
pub(crate) async fn every_character(case: &Case<'_, impl Store>) -> Ended {
    let mut names = vec!["k".to_owned(), CHARACTERS.to_owned()];
    names.extend(CHARACTERS.chars().map(|c| format!("k{c}")));
    names.extend(CHARACTERS.chars().map(|c| CHARACTERS.replace(c, "")));
    are_separate(case, &names).await
}

/// Keys that a pattern, a path or a cut could take for each other.
pub(crate) async fn similar_keys(case: &Case<'_, impl Store>) -> Ended {
    let keys = ["a_c", "abc", "a.c", "a", "a.", "a..", ".a", "01", "1"];
    are_separate(case, &keys.map(str::to_owned)).await
}

/// Each has a value of its own, and deleting one leaves the others.
async fn are_separate(case: &Case<'_, impl Store>, names: &[String]) -> Ended {
    let keys: Vec<_> = names.iter().map(|name| case.key(name)).collect();
    for key in &keys {
        case.store.set(key, key.as_bytes()).await?;
    }
    for key in &keys {
        case.reads(key, Some(key.as_bytes())).await?;
    }
    let (first, others) = (&keys[0], &keys[1..]);
    case.store.delete_many(std::slice::from_ref(first)).await?;
    case.reads(first, None).await?;
    for key in others {
        case.reads(key, Some(key.as_bytes())).await?;
    }
    Ok(())
}
