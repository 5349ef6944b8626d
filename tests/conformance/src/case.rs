//! What every case has: the store, keys of its own, and words for what is different.

use handoff_queue::{Store, StoreError};
use std::cell::RefCell;
use std::fmt::{self, Debug, Display};

/// So much of a value is shown.
const SHOWN_MAX: usize = 40;

/// A case that runs.
pub(crate) struct Case<'a, S> {
    pub store: &'a S,
    prefix: String,
    used: RefCell<Vec<String>>,
}

/// Why a store does not pass.
pub(crate) struct Failure(String);

pub(crate) type Ended = Result<(), Failure>;

impl<'a, S: Store> Case<'a, S> {
    pub(crate) fn new(store: &'a S, prefix: &str, name: &str) -> Self {
        Self {
            store,
            prefix: format!("{prefix}{name}."),
            used: RefCell::default(),
        }
    }

    /// A key of this case.
    pub(crate) fn key(&self, name: impl Display) -> String {
        let key = format!("{}{name}", self.prefix);
        self.used.borrow_mut().push(key.clone());
        key
    }

    /// What `key` puts before a name.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The value is read in both ways that there are.
    pub(crate) async fn reads(&self, key: &str, expected: Option<&[u8]>) -> Ended {
        let seen = self.store.get(key).await?;
        same_value(format_args!("get of {key}"), &seen, expected)?;
        let seen = self.store.get_many(&[key.to_owned()]).await?;
        let what = format_args!("get_many of {key} alone");
        same(format_args!("the answers to {what}"), seen.len(), 1)?;
        same_value(what, &seen[0], expected)
    }

    /// The values of several keys, in the order asked.
    pub(crate) async fn reads_many(&self, asked: &[(&String, Option<&[u8]>)]) -> Ended {
        let keys: Vec<_> = asked.iter().map(|(key, _)| (*key).clone()).collect();
        let seen = self.store.get_many(&keys).await?;
        same("the answers to get_many", seen.len(), asked.len())?;
        for (i, ((key, expected), seen)) in asked.iter().zip(&seen).enumerate() {
            let what = format_args!("answer {i} to get_many, for {key}");
            same_value(what, seen, *expected)?;
        }
        Ok(())
    }

    /// The counter is incremented, and then read as what the increment answered.
    pub(crate) async fn counts(&self, key: &str, delta: u64, expected: u64) -> Ended {
        let seen = self.store.increment(key, delta).await?;
        same(
            format_args!("increment of {key} by {delta}"),
            seen,
            expected,
        )?;
        let seen = self.store.counter(key).await?;
        let what = format_args!("counter {key} after an increment by {delta}");
        same(what, seen, expected)
    }

    /// Deletes what the case used.
    pub(crate) async fn clean_up(&self) -> Ended {
        let used = self.used.take();
        if !used.is_empty() {
            self.store.delete_many(&used).await?;
        }
        Ok(())
    }
}

/// Fails unless both are the same.
pub(crate) fn same<T: PartialEq + Debug>(what: impl Display, seen: T, expected: T) -> Ended {
    if seen == expected {
        return Ok(());
    }
    Err(Failure(format!(
        "{what}: expected {expected:?}, saw {seen:?}"
    )))
}

fn same_value(what: impl Display, seen: &Option<Vec<u8>>, expected: Option<&[u8]>) -> Ended {
    let seen = seen.as_deref();
    if seen == expected {
        return Ok(());
    }
    let (expected, seen) = (Shown(expected), Shown(seen));
    Err(Failure(format!("{what}: expected {expected}, saw {seen}")))
}

/// A value that may be long and no text.
struct Shown<'a>(Option<&'a [u8]>);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(bytes) = self.0 else {
            return f.write_str("nothing");
        };
        let start = &bytes[..bytes.len().min(SHOWN_MAX)];
        write!(f, "{} bytes \"{}\"", bytes.len(), start.escape_ascii())?;
        f.write_str(if start.len() < bytes.len() { "…" } else { "" })
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        Self(e.to_string())
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}
