//! A worker instance's part in the check of `/readyz`.

use crate::store::HostStore;
use crate::usable;
use handoff_probe::{TIMES, Unready, count};

/// Increments a key, and returns the numbers that this instance got.
pub(crate) async fn counted(key: &str) -> Result<Vec<u64>, Unready> {
    let wrong = usable::worker();
    if !wrong.is_empty() {
        return Err(Unready::Variables(wrong));
    }
    match HostStore::open() {
        Ok(store) => Ok(count(&store, key, TIMES).await?),
        Err(problem) => Err(Unready::Store(problem.detail)),
    }
}
