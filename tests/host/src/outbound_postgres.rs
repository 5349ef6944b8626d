//! A Postgres that components reach themselves, as on Spin: the host keeps a pool of connections for each address, and a
//! component takes one when it opens a connection. The address is checked against the manifest, and never printed, since it
//! may hold a password.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio_postgres::config::{Host as Address, SslMode};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, NoTls, Row, Statement};
use wasmtime::component::Resource;

use crate::allowed::{AllowedHosts, Target};
use crate::guest::Guest;
use crate::guest::spin::fermyon::spin::postgres::{Host, HostConnection};
use crate::guest::spin::fermyon::spin::rdbms_types::{
    self, Column, DbDataType, DbValue, Error, ParameterValue, RowSet,
};
use crate::say::say;

/// As many as Spin keeps for a component.
const CONNECTIONS_MAX: usize = 64;
const PORT: u16 = 5432;
/// So many statements a connection keeps prepared. An application that writes values into its statements makes new ones with
/// each call.
const PREPARED_MAX: usize = 100;

/// The pools of a component, by address.
#[derive(Default)]
pub(crate) struct Pools(Mutex<HashMap<String, Pool>>);

#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Connection(std::sync::Arc<Object>);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Pools {
    fn pool(&self, address: &str, config: Config) -> Result<Pool, Error> {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(address) {
            return Ok(pool.clone());
        }
        let recycling_method = RecyclingMethod::Clean;
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager).max_size(CONNECTIONS_MAX).build();
        let pool = pool.map_err(|e| Error::Other(e.to_string()))?;
        pools.insert(address.to_owned(), pool.clone());
        Ok(pool)
    }
}

/// Refuses an address that leads anywhere that the manifest does not list.
fn check(config: &Config, component: &str, allowed: &AllowedHosts) -> Result<(), Error> {
    for (i, host) in config.get_hosts().iter().enumerate() {
        let Address::Tcp(host) = host else {
            let text = "a socket in a folder is not permitted".to_owned();
            return Err(Error::ConnectionFailed(text));
        };
        let ports = config.get_ports();
        let port = ports.get(i).or(ports.first()).copied().unwrap_or(PORT);
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_lowercase(),
        };
        let target = Target {
            scheme: "postgres",
            host: &host,
            port: Some(port),
            own: false,
        };
        if !allowed.allows(target) {
            let origin = format!("postgres://{host}:{port}");
            say(format!(
                "component {component:?} may not reach {origin}: add {origin:?} to allowed_outbound_hosts of [component.{component}]",
            ));
            return Err(Error::ConnectionFailed(format!(
                "address {origin} is not permitted"
            )));
        }
    }
    if config.get_ssl_mode() == SslMode::Require {
        let text = "the local host has no TLS; leave sslmode out, or run on Spin";
        return Err(Error::ConnectionFailed(text.to_owned()));
    }
    Ok(())
}

impl Guest {
    async fn take_connection(&mut self, address: &str) -> Result<Connection, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::ConnectionFailed(e.to_string());
        let config: Config = address
            .parse()
            .map_err(|e: tokio_postgres::Error| failed(&e))?;
        let component = self.component();
        check(&config, &component.name, &component.allowed)?;
        let pool = component.postgres.pool(address, config)?;
        let taken = pool
            .get()
            .await
            .map_err(|e| Error::ConnectionFailed(format!("{e:?}")))?;
        Ok(Connection(std::sync::Arc::new(taken)))
    }

    /// A handle of its own, so that a call does not hold the guest's table. The call counts as one of the store.
    fn postgres(
        &mut self,
        connection: &Resource<Connection>,
    ) -> wasmtime::Result<std::sync::Arc<Object>> {
        self.count.store += 1;
        Ok(self.table.get(connection)?.0.clone())
    }
}

fn failed(error: tokio_postgres::Error) -> Error {
    Error::QueryFailed(format!("{error:?}"))
}

/// A statement that this connection prepared, now or before: to parse and to plan it takes longer than to execute it.
async fn prepared(connection: &Object, statement: &str) -> Result<Statement, Error> {
    if connection.statement_cache.size() >= PREPARED_MAX {
        connection.statement_cache.clear();
    }
    connection.prepare_cached(statement).await.map_err(failed)
}

type Parameter = Box<dyn ToSql + Sync + Send>;

fn parameter(value: ParameterValue) -> Result<Parameter, Error> {
    Ok(match value {
        ParameterValue::Boolean(value) => Box::new(value),
        ParameterValue::Int32(value) => Box::new(value),
        ParameterValue::Int64(value) => Box::new(value),
        ParameterValue::Str(value) => Box::new(value),
        ParameterValue::Binary(value) => Box::new(value),
        _ => {
            let text = "this host passes on booleans, int32, int64, str and binary only";
            return Err(Error::ValueConversionFailed(text.to_owned()));
        }
    })
}

fn parameters(values: Vec<ParameterValue>) -> Result<Vec<Parameter>, Error> {
    values.into_iter().map(parameter).collect()
}

/// As references, as a statement takes them.
fn borrowed(parameters: &[Parameter]) -> Vec<&(dyn ToSql + Sync)> {
    parameters
        .iter()
        .map(|p| &**p as &(dyn ToSql + Sync))
        .collect()
}

fn value(row: &Row, i: usize) -> Result<DbValue, Error> {
    let value = match *row.columns()[i].type_() {
        Type::BOOL => row
            .try_get::<_, Option<bool>>(i)
            .map(|v| v.map(DbValue::Boolean)),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(i)
            .map(|v| v.map(DbValue::Int32)),
        Type::INT8 => row
            .try_get::<_, Option<i64>>(i)
            .map(|v| v.map(DbValue::Int64)),
        Type::TEXT | Type::VARCHAR => row
            .try_get::<_, Option<String>>(i)
            .map(|v| v.map(DbValue::Str)),
        Type::BYTEA => row
            .try_get::<_, Option<Vec<u8>>>(i)
            .map(|v| v.map(DbValue::Binary)),
        _ => Ok(Some(DbValue::Unsupported)),
    };
    value.map(|v| v.unwrap_or(DbValue::DbNull)).map_err(failed)
}

fn column(column: &tokio_postgres::Column) -> Column {
    Column {
        name: column.name().to_owned(),
        data_type: match *column.type_() {
            Type::BOOL => DbDataType::Boolean,
            Type::INT4 => DbDataType::Int32,
            Type::INT8 => DbDataType::Int64,
            Type::TEXT | Type::VARCHAR => DbDataType::Str,
            Type::BYTEA => DbDataType::Binary,
            _ => DbDataType::Other,
        },
    }
}

impl rdbms_types::Host for Guest {}

impl Host for Guest {}

impl HostConnection for Guest {
    async fn open(&mut self, address: String) -> Answer<Resource<Connection>> {
        Ok(match self.take_connection(&address).await {
            Ok(connection) => Ok(self.table.push(connection)?),
            Err(error) => Err(error),
        })
    }

    async fn query(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        values: Vec<ParameterValue>,
    ) -> Answer<RowSet> {
        let postgres = self.postgres(&connection)?;
        let answered = async {
            let parameters = parameters(values)?;
            let statement = prepared(&postgres, &statement).await?;
            let rows = postgres.query(&statement, &borrowed(&parameters)).await;
            let rows = rows.map_err(failed)?;
            let columns = rows.first().map(Row::columns).unwrap_or_default();
            let of_row = |row: &Row| (0..row.len()).map(|i| value(row, i)).collect();
            Ok(RowSet {
                columns: columns.iter().map(column).collect(),
                rows: rows.iter().map(of_row).collect::<Result<_, Error>>()?,
            })
        };
        Ok(answered.await)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        values: Vec<ParameterValue>,
    ) -> Answer<u64> {
        let postgres = self.postgres(&connection)?;
        let executed = async {
            let parameters = parameters(values)?;
            let statement = prepared(&postgres, &statement).await?;
            let done = postgres.execute(&statement, &borrowed(&parameters)).await;
            done.map_err(failed)
        };
        Ok(executed.await)
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}
