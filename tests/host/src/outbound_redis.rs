//! A Redis that components reach themselves, as on Spin: one connection each time that one is opened, which is not mended
//! when it breaks. The address is checked against the manifest, and never printed, since it may hold a password.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisError, RedisResult as Said, Value, cmd,
};
use wasmtime::component::Resource;

use crate::allowed::{AllowedHosts, Target};
use crate::guest::Guest;
use crate::guest::spin::fermyon::spin::redis::{
    Error, Host, HostConnection, RedisParameter, RedisResult,
};
use crate::say::say;

/// A Redis that hangs must become an error for the guest, not a hang.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Connection(MultiplexedConnection);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Connection {
    async fn open(address: &str, component: &str, allowed: &AllowedHosts) -> Result<Self, Error> {
        let unusable = |_: RedisError| Error::InvalidAddress;
        let server = address.into_connection_info().map_err(unusable)?;
        let (scheme, host, port) = match &server.addr {
            ConnectionAddr::Tcp(host, port) => ("redis", host, *port),
            ConnectionAddr::TcpTls { host, port, .. } => ("rediss", host, *port),
            ConnectionAddr::Unix(_) => return Err(Error::InvalidAddress),
        };
        // Entries have an IPv6 address in brackets.
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_lowercase(),
        };
        if !allowed.allows(Target {
            scheme,
            host: &host,
            port: Some(port),
            own: false,
        }) {
            say(format!(
                "component {component:?} may not reach {scheme}://{host}:{port}: add {:?} to allowed_outbound_hosts of [component.{component}]",
                format!("{scheme}://{host}:{port}"),
            ));
            return Err(Error::InvalidAddress);
        }
        if scheme == "rediss" {
            let text = "the local host has no TLS; use redis://, or run on Spin";
            return Err(Error::Other(text.to_owned()));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(CONNECT_TIMEOUT)
            .set_response_timeout(RESPONSE_TIMEOUT)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(server).map_err(unusable)?;
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await;
        connection.map(Self).map_err(failed)
    }
}

fn failed(error: RedisError) -> Error {
    Error::Other(error.to_string())
}

impl Guest {
    /// A handle of its own, so that a call does not hold the guest's table. The call counts as one of the store.
    fn redis(
        &mut self,
        connection: &Resource<Connection>,
    ) -> wasmtime::Result<MultiplexedConnection> {
        self.count.store += 1;
        Ok(self.table.get(connection)?.0.clone())
    }
}

impl Host for Guest {}

impl HostConnection for Guest {
    async fn open(&mut self, address: String) -> Answer<Resource<Connection>> {
        let component = self.component();
        let opened = Connection::open(&address, &component.name, &component.allowed).await;
        Ok(match opened {
            Ok(connection) => Ok(self.table.push(connection)?),
            Err(error) => Err(error),
        })
    }

    async fn get(
        &mut self,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Option<Vec<u8>>> {
        let value = self.redis(&connection)?.get(key).await;
        Ok(value.map_err(failed))
    }

    async fn set(
        &mut self,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<()> {
        let set = self.redis(&connection)?.set(key, value).await;
        Ok(set.map_err(failed))
    }

    async fn del(&mut self, connection: Resource<Connection>, keys: Vec<String>) -> Answer<u32> {
        let deleted = self.redis(&connection)?.del(keys).await;
        Ok(deleted.map_err(failed))
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Answer<Vec<RedisResult>> {
        let mut redis = self.redis(&connection)?;
        let mut command = cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let results = command.query_async::<Results>(&mut redis).await;
        Ok(results.map(|results| results.0).map_err(failed))
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

/// An answer as a flat list: what is nested stands beside each other.
struct Results(Vec<RedisResult>);

impl FromRedisValue for Results {
    fn from_redis_value(value: &Value) -> Said<Self> {
        let mut results = Vec::new();
        flatten(value, &mut results)?;
        Ok(Self(results))
    }
}

fn flatten(value: &Value, results: &mut Vec<RedisResult>) -> Said<()> {
    results.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(*number),
        Value::BulkString(bytes) => RedisResult::Binary(bytes.clone()),
        Value::SimpleString(text) => RedisResult::Status(text.clone()),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Array(values) => return values.iter().try_for_each(|v| flatten(v, results)),
        _ => {
            let what = "the answer is of a kind that this host does not pass on";
            return Err((ErrorKind::TypeError, what).into());
        }
    });
    Ok(())
}
