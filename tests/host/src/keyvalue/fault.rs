//! Faults for tests, around any store: slow answers, failures before and after a call took effect, and an increment
//! that is not atomic.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;

use super::{Store, add};

/// Between reading and writing in an increment that is not atomic: longer than it takes to start an instance.
const RACE: Duration = Duration::from_millis(5);

/// What `--fault` asks for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Faults {
    slow: Duration,
    /// Every so many calls one fails.
    fail_every: Option<u64>,
    racy: bool,
    /// Every call is refused as Spin does beyond its limits of operations.
    busy: bool,
}

impl Faults {
    /// `store-slow=MS` delays every call; `store-fail=N` fails every Nth call, `store-fail` every one; `store-racy` makes
    /// of an increment a read, a pause and a write; `store-busy` refuses every call in Spin's words.
    pub(crate) fn parse(flags: &[String]) -> Result<Self> {
        let mut faults = Self::default();
        for flag in flags {
            let wrong = || {
                format!(
                    "--fault {flag}: write store-slow=MS, store-fail, store-fail=N, store-busy or store-racy"
                )
            };
            match flag.split_once('=') {
                Some(("store-slow", ms)) => {
                    faults.slow = Duration::from_millis(ms.parse().with_context(wrong)?)
                }
                Some(("store-fail", n)) => {
                    let n: u64 = n.parse().with_context(wrong)?;
                    faults.fail_every = Some(n.max(1));
                }
                None if flag == "store-fail" => faults.fail_every = Some(1),
                None if flag == "store-racy" => faults.racy = true,
                None if flag == "store-busy" => faults.busy = true,
                _ => bail!(wrong()),
            }
        }
        Ok(faults)
    }

    /// The store with these faults; without any, the store itself.
    pub(crate) fn wrap(self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        if self == Self::default() {
            return store;
        }
        Arc::new(Faulty {
            faults: self,
            store,
            calls: AtomicU64::new(0),
        })
    }
}

struct Faulty {
    faults: Faults,
    store: Arc<dyn Store>,
    calls: AtomicU64,
}

impl Faulty {
    /// Counters are 8 bytes here, whatever the store makes of its own: it is for a store that only this has counted in.
    async fn racy_increment(&self, key: String, delta: i64) -> Result<i64> {
        let sum = add(self.store.get(&key).await?.as_deref(), &key, delta)?;
        tokio::time::sleep(RACE).await;
        self.store.set(key, sum.to_le_bytes().to_vec()).await?;
        Ok(sum)
    }

    async fn through<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::sleep(self.faults.slow).await;
        if self.faults.busy {
            bail!("too many requests");
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.faults.fail_every {
            Some(every) if number.is_multiple_of(every) => {
                // A caller can't know whether a failed call took effect, so both happen, in turn.
                if (number / every).is_multiple_of(2) {
                    call.await?;
                }
                bail!("call {number} fails by --fault store-fail={every}")
            }
            _ => call.await,
        }
    }
}

#[async_trait]
impl Store for Faulty {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.through(self.store.get(key)).await
    }

    async fn set(&self, key: String, value: Vec<u8>) -> Result<()> {
        self.through(self.store.set(key, value)).await
    }

    async fn delete(&self, key: String) -> Result<()> {
        self.through(self.store.delete(key)).await
    }

    async fn increment(&self, key: String, delta: i64) -> Result<i64> {
        if self.faults.racy {
            return self.through(self.racy_increment(key, delta)).await;
        }
        self.through(self.store.increment(key, delta)).await
    }

    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        self.through(self.store.get_many(keys)).await
    }

    async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        self.through(self.store.set_many(pairs)).await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        self.through(self.store.delete_many(keys)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyvalue::memory::Memory;

    fn flags(list: &[&str]) -> Vec<String> {
        list.iter().map(|flag| (*flag).to_owned()).collect()
    }

    #[tokio::test]
    async fn every_second_call_fails_in_turn_before_and_after_it_took_effect() {
        let faults = Faults::parse(&flags(&["store-fail=2"])).expect("flags");
        let store = faults.wrap(Arc::new(Memory::default()));
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(store.increment("k".to_owned(), 1).await.ok());
        }
        // The second call fails before, the fourth after.
        assert_eq!(answers, [Some(1), None, Some(2), None, Some(4)]);
    }

    #[test]
    fn flags_that_are_wrong_are_named() {
        for bad in [
            "slow",
            "store-slow",
            "store-slow=x",
            "store-fail=-1",
            "store-racy=1",
        ] {
            let error = format!("{:#}", Faults::parse(&flags(&[bad])).expect_err(bad));
            assert!(error.contains(bad), "{error}");
        }
    }
}
