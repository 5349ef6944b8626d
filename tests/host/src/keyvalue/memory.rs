//! A store that ends with the host: the fastest, for tests that need no durability.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use async_trait::async_trait;

use super::{Store, add};

#[derive(Default)]
pub(crate) struct Memory(Mutex<HashMap<String, Vec<u8>>>);

impl Memory {
    /// Nothing below can panic halfway through a change, so a poisoned map is still a whole one.
    fn map(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.map().get(key).cloned())
    }

    async fn set(&self, key: String, value: Vec<u8>) -> Result<()> {
        self.map().insert(key, value);
        Ok(())
    }

    async fn delete(&self, key: String) -> Result<()> {
        self.map().remove(&key);
        Ok(())
    }

    async fn increment(&self, key: String, delta: i64) -> Result<i64> {
        let mut map = self.map();
        let sum = add(map.get(&key).map(Vec::as_slice), &key, delta)?;
        map.insert(key, sum.to_le_bytes().to_vec());
        Ok(sum)
    }

    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        let map = self.map();
        let look_up = |key: String| {
            let value = map.get(&key).cloned();
            (key, value)
        };
        Ok(keys.into_iter().map(look_up).collect())
    }

    async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        self.map().extend(pairs);
        Ok(())
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        let mut map = self.map();
        for key in &keys {
            map.remove(key);
        }
        Ok(())
    }
}
