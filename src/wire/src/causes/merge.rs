//! Merging causes that differ in one word, such as the name of a customer.

use super::{Cause, fits};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A word with so many values does not matter.
const VALUES_MIN: usize = 4;
/// A number of three digits may be a status code, which does matter. So many are none.
const CODES_MIN: usize = 10;
/// So many other words must be the same: short errors that differ in a word are different.
const SAME_MIN: usize = 2;

/// A cause and the words of its error.
struct Group {
    cause: Cause,
    words: Vec<String>,
}

impl Group {
    /// Stands for all that must be the same for a merge at a word.
    fn without(&self, word: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.cause.queue, &self.cause.kind, self.words.len()).hash(&mut hasher);
        for (i, other) in self.words.iter().enumerate() {
            if i != word {
                other.to_lowercase().hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    fn may_vary(&self, word: usize) -> bool {
        let others = self.words.iter().enumerate();
        let others = others.filter(|(i, other)| *i != word && other.contains(char::is_alphabetic));
        others.count() >= SAME_MIN
    }

    /// Whether the errors of another group fit, word by word.
    fn covers(&self, other: &Self) -> bool {
        self.words.len() == other.words.len()
            && self.cause.kind == other.cause.kind
            && self.cause.queue == other.cause.queue
            && self
                .words
                .iter()
                .zip(&other.words)
                .all(|(pattern, word)| pattern == word || !is_code(word) && fits(pattern, word))
    }
}

/// Whether it is a number of three digits.
fn is_code(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn merged(causes: Vec<Cause>) -> Vec<Cause> {
    let words = |cause: &Cause| cause.error.split(' ').map(str::to_owned).collect();
    let groups = causes.into_iter().map(|cause| Group {
        words: words(&cause),
        cause,
    });
    let mut groups: Vec<_> = groups.collect();
    while merge(&mut groups) {}
    let causes = absorbed(groups).into_iter().map(|group| Cause {
        error: group.words.join(" "),
        ..group.cause
    });
    causes.collect()
}

/// Merges groups that differ in one word. Returns whether there were any: then others may follow.
fn merge(groups: &mut Vec<Group>) -> bool {
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (i, group) in groups.iter().enumerate() {
        for (word, value) in group.words.iter().enumerate() {
            if group.may_vary(word) {
                let key = (word, is_code(value), group.without(word));
                alike.entry(key).or_default().push(i);
            }
        }
    }
    let mut alike: Vec<_> = alike.into_iter().collect();
    alike.sort_by_key(|(_, members)| Reverse(members.len()));
    // Those that were merged are compared as they are now in the next round.
    let (mut merged, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for ((word, are_codes, _), mut members) in alike {
        members.retain(|i| !merged.contains(i));
        let least = if are_codes { CODES_MIN } else { VALUES_MIN };
        let Some((first, others)) = members.split_first().filter(|_| members.len() >= least) else {
            continue;
        };
        let values: Vec<_> = members.iter().map(|i| &*groups[*i].words[word]).collect();
        groups[*first].words[word] = common(&values);
        for other in others {
            let other = groups[*other].cause.clone();
            groups[*first].cause.take(&other);
        }
        gone.extend(others.iter().copied());
        merged.extend(members.iter().copied());
    }
    let mut i = 0..;
    groups.retain(|_| i.next().is_none_or(|i| !gone.contains(&i)));
    !merged.is_empty()
}

/// What words have in common: their begin and their end up to a letter or digit, and `*` between.
fn common(words: &[&str]) -> String {
    let [first, others @ ..] = words else {
        return "*".to_owned();
    };
    let mark = |c: char| !c.is_alphanumeric();
    let mut begin = *first;
    while !others.iter().all(|word| word.starts_with(begin)) {
        begin = begin
            .get(..begin.len() - last_len(begin))
            .unwrap_or_default();
    }
    let begin = begin.rfind(mark).map_or("", |at| {
        let mark = begin[at..].chars().next().map_or(0, char::len_utf8);
        &begin[..at + mark]
    });
    let rest = |word: &&'_ str| word.len() - begin.len();
    let least = words.iter().map(rest).min().unwrap_or_default();
    let mut end = &first[begin.len()..];
    while end.len() > least || !others.iter().all(|word| word.ends_with(end)) {
        let first = end.chars().next().map_or(0, char::len_utf8);
        end = &end[first..];
    }
    let end = end.find(mark).map_or("", |at| &end[at..]);
    format!("{begin}*{end}")
}

fn last_len(text: &str) -> usize {
    text.chars().next_back().map_or(0, char::len_utf8)
}

/// Adds groups to one that covers their errors, such as one whose id has no digit.
fn absorbed(mut groups: Vec<Group>) -> Vec<Group> {
    let is_plain = |group: &Group| !group.words.iter().any(|word| word.contains('*'));
    groups.sort_by_key(|group| (is_plain(group), Reverse(group.cause.count)));
    let mut kept: Vec<Group> = Vec::new();
    for group in groups {
        match kept.iter_mut().find(|wider| wider.covers(&group)) {
            Some(wider) => wider.cause.take(&group.cause),
            None => kept.push(group),
        }
    }
    kept
}
