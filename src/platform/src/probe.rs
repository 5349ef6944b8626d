//! Does the store keep what the queue relies on? Asked by `/readyz`.

use crate::HostStore;
use handoff_queue::{Env, Store, StoreError};

const COUNTER: &str = "probe.counter";

/// Tries the store: values, and that `increment` counts and is read back.
///
/// # Errors
/// What failed, or what the store answered that it must not answer.
pub async fn probe(store: &HostStore, env: &impl Env) -> Result<(), String> {
    let reason = |e: StoreError| e.to_string();
    let key = format!("probe.{:016x}", env.random());
    let value = env.random().to_le_bytes();
    store.set(&key, &value).await.map_err(reason)?;
    let read = store.get(&key).await.map_err(reason)?;
    store.delete(&key).map_err(reason)?;
    if read.as_deref() != Some(&value) {
        return Err(format!("{key} was set and then read as something else"));
    }
    if store.get(&key).await.map_err(reason)?.is_some() {
        return Err(format!("{key} was deleted and is still there"));
    }
    let mut last = store.increment(COUNTER, 1).await.map_err(reason)?;
    for _ in 0..3 {
        // Others may probe at the same moment: each must see a number of its own, later ones a higher one.
        let next = store.increment(COUNTER, 1).await.map_err(reason)?;
        let read = store.counter(COUNTER).await.map_err(reason)?;
        if next <= last || read < next {
            return Err(format!(
                "increment is not atomic here: {COUNTER} went from {last} to {next} and was read as {read}"
            ));
        }
        last = next;
    }
    Ok(())
}
