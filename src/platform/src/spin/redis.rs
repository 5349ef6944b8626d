//! A Redis that the component reaches itself, over Spin's outbound Redis.

use super::connection::Kept;
use super::location::Server;
use crate::backend::{Backend, first, read_counter};
use crate::http::problem::OVERLOADED;
use handoff_queue::{Append, Appended, StoreError};
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};

/// One connection for all calls of an instance, made at the first call.
pub(super) struct Redis {
    server: Server,
    connection: Kept<Connection>,
}

impl Redis {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            connection: Kept::new(),
        }
    }

    fn call<T>(
        &self,
        operation: &'static str,
        key: &str,
        call: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let open = || Connection::open(&self.server.url);
        let called = self.connection.call(open, call);
        called.map_err(|error| self.failed(operation, key, error))
    }

    fn failed(&self, operation: &'static str, key: &str, error: Error) -> StoreError {
        let origin = &self.server.origin;
        let what = match error {
            Error::InvalidAddress => format!(
                "this component may not reach it: see that its allowed_outbound_hosts in spin.toml name \"{origin}\""
            ),
            Error::TooManyConnections => OVERLOADED.to_owned(),
            Error::TypeError => "the key holds something else".to_owned(),
            Error::Other(reason) => self.server.shown(reason),
        };
        StoreError {
            operation,
            key: key.to_owned(),
            reason: format!("{origin}: {what}"),
        }
    }

    /// The numbers that a script answers.
    fn counters(&self, key: &str, answers: Vec<RedisResult>) -> Result<Vec<u64>, StoreError> {
        let counter = |answer| match answer {
            RedisResult::Binary(text) => read_counter(key, &text),
            _ => Err(self.unexpected("append to", key)),
        };
        answers.into_iter().map(counter).collect()
    }

    fn unexpected(&self, operation: &'static str, key: &str) -> StoreError {
        let reason = "the answer is none that this command has".to_owned();
        self.failed(operation, key, Error::Other(reason))
    }
}

impl Backend for Redis {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.call("get", key, |redis| redis.get(key))
    }

    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new()); // Redis refuses commands without a key.
        }
        let arguments: Vec<_> = keys.iter().map(|key| binary(key)).collect();
        let answers = self.call("get", first(keys), |redis| {
            redis.execute("MGET", &arguments)
        })?;
        if answers.len() != keys.len() {
            return Err(self.unexpected("get", first(keys)));
        }
        let value = |(key, answer): (&String, _)| match answer {
            RedisResult::Nil => Ok(None),
            RedisResult::Binary(value) => Ok(Some(value)),
            _ => Err(self.unexpected("get", key)),
        };
        keys.iter().zip(answers).map(value).collect()
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.call("set", key, |redis| redis.set(key, value))
    }

    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let Some((first, _)) = entries.first() else {
            return Ok(());
        };
        let pair =
            |(key, value): &(String, Vec<u8>)| [binary(key), RedisParameter::Binary(value.clone())];
        let arguments: Vec<_> = entries.iter().flat_map(pair).collect();
        self.call("set", first, |redis| redis.execute("MSET", &arguments))
            .map(drop)
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.call("delete", first(keys), |redis| redis.del(keys))
            .map(drop)
    }

    /// The interface's own `incr` adds 1 only.
    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let arguments = [binary(key), RedisParameter::Int64(delta as i64)];
        let answers = self.call("increment", key, |redis| {
            redis.execute("INCRBY", &arguments)
        })?;
        match answers[..] {
            [RedisResult::Int64(sum)] => Ok(sum.max(0) as u64),
            _ => Err(self.unexpected("increment", key)),
        }
    }

    /// In one exchange, by a script. Redis runs it while no other command runs.
    fn append(&self, append: &Append<'_>) -> Option<Result<Appended, StoreError>> {
        let key = append.counter;
        let records = append.records.iter().cloned().map(RedisParameter::Binary);
        let arguments: Vec<_> = [
            binary(APPEND),
            RedisParameter::Int64(1 + append.look.len() as i64),
            binary(key),
        ]
        .into_iter()
        .chain(append.look.iter().map(|key| binary(key)))
        .chain([
            binary(append.prefix),
            RedisParameter::Int64(append.base as i64),
            RedisParameter::Int64(Append::NUMBERS as i64),
        ])
        .chain(records)
        .collect();
        let answers = self.call("append to", key, |redis| redis.execute("EVAL", &arguments));
        Some(answers.and_then(|answers| {
            let mut counters = self.counters(key, answers)?.into_iter();
            let after = counters.next();
            let after = after.ok_or_else(|| self.unexpected("append to", key))?;
            let (last, look) = (append.last(after), counters.collect::<Vec<_>>());
            match look.len() == append.look.len() {
                true => Ok(Appended { last, look }),
                false => Err(self.unexpected("append to", key)),
            }
        }))
    }
}

/// KEYS are the counter and those to look at; ARGV the prefix, the base, the end of the numbers, and
/// the records. A number of Lua is exact up to 2^53, and the counter with its flags may be beyond.
/// So it is read as text.
const APPEND: &str = include_str!("append.lua");

fn binary(key: &str) -> RedisParameter {
    RedisParameter::Binary(key.as_bytes().to_vec())
}
