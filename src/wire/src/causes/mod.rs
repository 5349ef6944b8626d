//! Causes: failed tasks by what their errors have in common. The console and the command line show
//! them, and the filter `error` of the API takes a cause back.

mod mask;
mod merge;
mod pattern;
#[cfg(test)]
mod tests;

pub use pattern::{ErrorPattern, fits, headline};

use crate::Time;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Failed tasks of one kind in one queue whose errors have one cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// The queue of the tasks.
    pub queue: String,
    /// Their kind.
    pub kind: String,
    /// What their errors have in common, as the filter `error` takes it: `*` stands for any text.
    pub error: String,
    /// How many tasks there are.
    pub count: u64,
    /// When the first of them failed.
    pub first: Option<Time>,
    /// When the last of them failed.
    pub last: Option<Time>,
    /// The id of one of them: of the first that was added.
    pub example: String,
}

impl Cause {
    /// Takes in the tasks of another cause.
    fn take(&mut self, other: &Self) {
        self.count += other.count;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.into_iter().chain(other.last).max();
    }
}

/// Groups failed tasks by their causes.
///
/// Ids, long numbers, times and durations do not matter, and status codes do. Where at least four
/// errors differ in one word only, that word does not matter either.
///
/// ```
/// let mut causes = handoff_wire::Causes::default();
/// for (id, error) in [("1", "no answer in 312 ms"), ("2", "no answer in 1.5 s")] {
///     causes.add("default", "mail", error, None, id);
/// }
/// let causes = causes.list();
/// assert_eq!((causes[0].error.as_str(), causes[0].count), ("no answer in *", 2));
/// ```
#[derive(Debug, Default)]
pub struct Causes {
    /// By queue, kind and error in lower case, for a filter ignores the case.
    groups: BTreeMap<(String, String, String), Cause>,
}

impl Causes {
    /// Adds a task of this queue and kind, which failed at this time.
    pub fn add(&mut self, queue: &str, kind: &str, error: &str, at: Option<Time>, id: &str) {
        let error = mask::cause(headline(error));
        let key = (queue.to_owned(), kind.to_owned(), error.to_lowercase());
        let one = Cause {
            queue: queue.to_owned(),
            kind: kind.to_owned(),
            error,
            count: 1,
            first: at,
            last: at,
            example: id.to_owned(),
        };
        match self.groups.get_mut(&key) {
            Some(group) => group.take(&one),
            None => _ = self.groups.insert(key, one),
        }
    }

    /// How many tasks were added.
    pub fn count(&self) -> u64 {
        self.groups.values().map(|group| group.count).sum()
    }

    /// The causes, the most frequent first.
    pub fn list(self) -> Vec<Cause> {
        let mut causes = merge::merged(self.groups.into_values().collect());
        causes.sort_by_key(|cause| Reverse(cause.count));
        causes
    }
}
