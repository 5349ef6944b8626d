//! A store in Redis, with Spin's layout: the key as it is, counters as decimal text.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{AsyncCommands, RedisResult};

use super::Store;

/// A Redis that hangs must become an error for the guest, not a hang.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A guest should learn at once that Redis is gone; its next call tries again. The crate's own schedule waits for a second
/// before the second attempt, and for a minute before the third, with all calls waiting for it.
const RECONNECT_RETRIES: usize = 0;

pub(super) struct Redis {
    /// One connection that all calls share; it reconnects, but never repeats a command by itself.
    connection: ConnectionManager,
    address: String,
}

impl Redis {
    /// Connects, and returns the address without the password that a URL may hold.
    pub(super) async fn connect(url: &str) -> Result<(Self, String)> {
        let client =
            redis::Client::open(url).context("--store redis://…: the URL is not understood")?;
        let address = client.get_connection_info().addr.to_string();
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(RECONNECT_RETRIES)
            .set_response_timeout(RESPONSE_TIMEOUT)
            .set_connection_timeout(CONNECT_TIMEOUT)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let failed =
            || format!("Redis at {address} does not answer; start it, or give another --store");
        let mut connection = ConnectionManager::new_with_config(client, config)
            .await
            .with_context(failed)?;
        connection.ping::<()>().await.with_context(failed)?;
        Ok((
            Self {
                connection,
                address: address.clone(),
            },
            address,
        ))
    }

    async fn call<T, F: Future<Output = RedisResult<T>>>(
        &self,
        call: impl FnOnce(ConnectionManager) -> F,
    ) -> Result<T> {
        call(self.connection.clone())
            .await
            .with_context(|| format!("Redis at {}", self.address))
    }
}

#[async_trait]
impl Store for Redis {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.call(|mut redis| async move { redis.get(key).await })
            .await
    }

    async fn set(&self, key: String, value: Vec<u8>) -> Result<()> {
        self.call(|mut redis| async move { redis.set(key, value).await })
            .await
    }

    async fn delete(&self, key: String) -> Result<()> {
        self.call(|mut redis| async move { redis.del(key).await })
            .await
    }

    async fn increment(&self, key: String, delta: i64) -> Result<i64> {
        self.call(|mut redis| async move { redis.incr(key, delta).await })
            .await
    }

    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        // Redis refuses commands without a key.
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let asked = &keys;
        let values: Vec<Option<Vec<u8>>> = self
            .call(|mut redis| async move { redis.mget(asked).await })
            .await?;
        Ok(keys.into_iter().zip(values).collect())
    }

    async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        if pairs.is_empty() {
            return Ok(());
        }
        self.call(|mut redis| async move { redis.mset(&pairs).await })
            .await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        self.call(|mut redis| async move { redis.del(keys).await })
            .await
    }
}
