//! The key-value store behind `wasi:keyvalue`: one trait, one file per back end.

mod fault;
mod memory;
mod redis;
mod sqlite;

#[cfg(test)]
mod conformance;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use async_trait::async_trait;

pub(crate) use fault::Faults;
pub(crate) use memory::Memory;

/// What a component may ask of its store. An acknowledged write is as durable as the back end can make it; a call that
/// failed may or may not have been applied.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>>;
    async fn set(&self, key: String, value: Vec<u8>) -> Result<()>;
    async fn delete(&self, key: String) -> Result<()>;
    /// Adds atomically and returns the new value; an absent key counts as 0.
    async fn increment(&self, key: String, delta: i64) -> Result<i64>;
    /// One answer per key, in the order asked, repeated keys included.
    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>>;
    async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()>;
    async fn delete_many(&self, keys: Vec<String>) -> Result<()>;
}

/// A simulated fault: the instance that made the call ends at once, and learns nothing.
#[derive(Debug)]
pub(crate) struct InstanceEnds;

impl fmt::Display for InstanceEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its instance ends, as in a crash")
    }
}

impl std::error::Error for InstanceEnds {}

/// Which store, from `--store`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    Memory,
    Sqlite(PathBuf),
    Redis(String),
}

impl FromStr for Location {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "memory" {
            Ok(Self::Memory)
        } else if let Some(path) = text.strip_prefix("sqlite:") {
            ensure!(
                !path.is_empty(),
                "sqlite: needs a path, as in sqlite:.handoff/store.db"
            );
            Ok(Self::Sqlite(path.into()))
        } else if text.starts_with("redis://") {
            Ok(Self::Redis(text.to_owned()))
        } else {
            bail!("{text:?} is no store; write sqlite:PATH, redis://HOST:PORT or memory");
        }
    }
}

/// Opens a store, and says in words which one it is.
pub(crate) async fn open(location: &Location) -> Result<(Arc<dyn Store>, String)> {
    Ok(match location {
        Location::Memory => (
            Arc::new(Memory::default()),
            "memory (gone when the host ends)".to_owned(),
        ),
        Location::Sqlite(path) => (
            Arc::new(sqlite::Sqlite::open(path)?),
            format!("SQLite file {}", path.display()),
        ),
        Location::Redis(url) => {
            let (store, address) = redis::Redis::connect(url).await?;
            (Arc::new(store), format!("Redis at {address}"))
        }
    })
}

/// Counters are 8 bytes, little-endian, as in Spin's SQLite store.
fn add(current: Option<&[u8]>, key: &str, delta: i64) -> Result<i64> {
    let current = match current {
        None => 0,
        Some(bytes) => match bytes.try_into() {
            Ok(bytes) => i64::from_le_bytes(bytes),
            Err(_) => bail!(
                "increment of {key:?}: its value has {} bytes, a counter has 8",
                bytes.len()
            ),
        },
    };
    match current.checked_add(delta) {
        Some(sum) => Ok(sum),
        None => bail!("increment of {key:?} by {delta}: {current} would overflow"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations() {
        assert_eq!(
            "memory".parse::<Location>().expect("memory"),
            Location::Memory
        );
        assert_eq!(
            "sqlite:a/b.db".parse::<Location>().expect("sqlite"),
            Location::Sqlite("a/b.db".into())
        );
        for bad in ["", "sqlite:", "mysql://x", "memory:"] {
            assert!(
                bad.parse::<Location>()
                    .expect_err(bad)
                    .to_string()
                    .contains("sqlite:")
            );
        }
    }
}
