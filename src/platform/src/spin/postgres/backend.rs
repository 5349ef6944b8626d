//! The calls of a store, as statements. The host keeps the connections, a number of them for each
//! component.

use super::statements;
use crate::backend::{Backend, first};
use crate::spin::connection::Kept;
use crate::spin::location::Server;
use handoff_queue::{Append, Appended, StoreError};
use spin_sdk::pg::{Connection, DbValue, ParameterValue as Parameter, PgError};
use std::collections::BTreeMap;

/// The remedy if the tables are missing, or the procedure.
const NO_TABLES: &str = "its schema \"handoff\" is missing or incomplete: call /readyz, if this role may create it, or have the statements of docs/deploy/postgres.md run";

/// The remedy if this role may not make the tables.
const NOT_CREATED: &str = "its schema \"handoff\" is missing or incomplete, and this role may not create it: have the statements of docs/deploy/postgres.md run";

/// The remedy if this role may not call the procedure.
const NOT_CALLABLE: &str = "this role may not call the procedure handoff.append: have the GRANTs of docs/deploy/postgres.md run";

/// How an error ends that says that the role may not do this.
const FORBIDDEN: &str = "(SQLSTATE 42501)";

/// The remedy if the procedure may not commit.
const NOT_ALONE: &str = "the procedure handoff.append can't commit: it was altered to have a SET clause or SECURITY DEFINER, or a pooler puts statements into transactions";

/// The remedy if a statement is prepared on one connection and comes on another.
const NOT_KEPT: &str = "a pooler between the host and Postgres does not keep prepared statements: let it pool by session, or have PgBouncer 1.21 or later with max_prepared_statements above 0";

/// The remedy for what the server says by its SQLSTATE.
fn remedy(reason: &str) -> Option<&'static str> {
    match state(reason)? {
        // A missing table, schema, or procedure.
        "42P01" | "3F000" | "42883" => Some(NO_TABLES),
        // A prepared statement that does not exist, or that somebody else prepared.
        "26000" | "42P05" => Some(NOT_KEPT),
        // A COMMIT where none may be.
        "2D000" => Some(NOT_ALONE),
        _ => None,
    }
}

/// One connection of the host's for all calls of an instance, from the first call on.
pub(crate) struct Postgres {
    server: Server,
    connection: Kept<Connection>,
}

type Row = Vec<DbValue>;

impl Postgres {
    pub(crate) fn new(server: Server) -> Self {
        Self {
            server,
            connection: Kept::new(),
        }
    }

    fn call<T>(
        &self,
        operation: &'static str,
        key: &str,
        call: impl FnOnce(&Connection) -> Result<T, PgError>,
    ) -> Result<T, StoreError> {
        let open = || Connection::open(&self.server.url);
        let called = self.connection.call(open, call);
        called.map_err(|error| self.failed(operation, key, error))
    }

    fn query(
        &self,
        operation: &'static str,
        key: &str,
        statement: &str,
        parameters: &[Parameter],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.call(operation, key, |open| open.query(statement, parameters));
        rows.map(|set| set.rows)
    }

    fn execute(
        &self,
        operation: &'static str,
        key: &str,
        statement: &str,
        parameters: &[Parameter],
    ) -> Result<(), StoreError> {
        let done = self.call(operation, key, |open| open.execute(statement, parameters));
        done.map(drop)
    }

    /// Reads counters, in the order of the keys.
    fn counters(&self, keys: &[String]) -> Result<Vec<u64>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let operation = "read the counter";
        let joined = [text(keys.join(","))];
        let rows = self.query(operation, first(keys), statements::COUNTERS, &joined)?;
        let value = |row: Row| match row[..] {
            [DbValue::Int64(value)] => Ok(value.max(0).unsigned_abs()),
            _ => Err(self.unexpected(operation, first(keys))),
        };
        let values: Vec<_> = rows.into_iter().map(value).collect::<Result<_, _>>()?;
        match values.len() == keys.len() {
            true => Ok(values),
            false => Err(self.unexpected(operation, first(keys))),
        }
    }

    /// The one number that a statement returned.
    fn number(&self, operation: &'static str, key: &str, rows: &[Row]) -> Result<u64, StoreError> {
        match rows.first().map(Vec::as_slice) {
            Some([DbValue::Int64(number)]) => Ok(number.max(&0).unsigned_abs()),
            _ => Err(self.unexpected(operation, key)),
        }
    }

    fn failed(&self, operation: &'static str, key: &str, error: PgError) -> StoreError {
        let origin = &self.server.origin;
        let what = match error {
            PgError::ConnectionFailed(reason) if is_refusal(&reason) => format!(
                "this component may not reach it: see that its allowed_outbound_hosts in spin.toml name \"{origin}\""
            ),
            PgError::ConnectionFailed(reason)
            | PgError::BadParameter(reason)
            | PgError::QueryFailed(reason)
            | PgError::ValueConversionFailed(reason)
            | PgError::Other(reason) => match remedy(&reason) {
                Some(remedy) => remedy.to_owned(),
                None => self.server.shown(said(reason)),
            },
        };
        StoreError {
            operation,
            key: key.to_owned(),
            reason: format!("{origin}: {what}"),
        }
    }

    fn unexpected(&self, operation: &'static str, key: &str) -> StoreError {
        let reason = "the answer is none that this statement has".to_owned();
        self.failed(operation, key, PgError::Other(reason))
    }
}

impl Backend for Postgres {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.query("get", key, statements::GET, &[text(key)])?;
        match rows.into_iter().next().map(value) {
            Some(Some(value)) => Ok(value),
            _ => Err(self.unexpected("get", key)),
        }
    }

    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let joined = [text(keys.join(","))];
        let rows = self.query("get", first(keys), statements::GET_MANY, &joined)?;
        let values: Option<Vec<_>> = rows.into_iter().map(value).collect();
        let values = values.filter(|values| values.len() == keys.len());
        values.ok_or_else(|| self.unexpected("get", first(keys)))
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let parameters = [text(key), Parameter::Binary(value.to_vec())];
        self.execute("set", key, statements::SET, &parameters)
    }

    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        // Of a repeated key the last value counts, and a statement may write a row only once.
        let entries: BTreeMap<&str, &Vec<u8>> = entries
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect();
        let Some(first) = entries.keys().next() else {
            return Ok(());
        };
        let keys: Vec<_> = entries.keys().copied().collect();
        let [pieces, lengths] = pieces(entries.values().copied());
        let parameters = [text(keys.join(",")), pieces, lengths];
        self.execute("set", first, statements::SET_MANY, &parameters)
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let joined = [text(keys.join(","))];
        self.execute("delete", first(keys), statements::DELETE_MANY, &joined)
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let parameters = [text(key), int(delta)];
        let rows = self.query("increment", key, statements::INCREMENT, &parameters)?;
        self.number("increment", key, &rows)
    }

    fn counter(&self, key: &str) -> Result<u64, StoreError> {
        let values = self.counters(&[key.to_owned()])?;
        Ok(values.first().copied().unwrap_or(0))
    }

    /// In two statements. The records must be there for others before the counters are read.
    fn append(&self, append: &Append<'_>) -> Option<Result<Appended, StoreError>> {
        Some(self.appended(append))
    }

    fn rest(&self) {
        self.connection.close();
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let name = "the schema \"handoff\"";
        let refused = |why: &str| self.failed("create", name, PgError::Other(why.to_owned()));
        match self.query("find", name, statements::THERE, &[]) {
            Ok(rows)
                if matches!(
                    rows.first().map(Vec::as_slice),
                    Some([DbValue::Boolean(false)])
                ) =>
            {
                Err(refused(NOT_CALLABLE))
            }
            Err(error) if error.reason.contains(NO_TABLES) => {
                let made = self.execute("create", name, statements::MAKE_TABLES, &[]);
                made.map_err(|error| match error.reason.contains(FORBIDDEN) {
                    true => refused(NOT_CREATED),
                    false => error,
                })
            }
            _ => Ok(()), // Other errors are the next call's.
        }
    }
}

impl Postgres {
    fn appended(&self, append: &Append<'_>) -> Result<Appended, StoreError> {
        let [records, lengths] = pieces(append.records);
        let parameters = [
            text(append.counter),
            int(append.records.len() as u64),
            text(append.prefix),
            int(append.base),
            records,
            lengths,
        ];
        let operation = "append to";
        let rows = self.query(operation, append.counter, statements::APPEND, &parameters)?;
        let after = self.number(operation, append.counter, &rows)?;
        let look = self.counters(append.look)?;
        let last = append.last(after);
        Ok(Appended { last, look })
    }
}

fn text(text: impl Into<String>) -> Parameter {
    Parameter::Str(text.into())
}

/// The value of a row with nothing else, or that there is none.
fn value(row: Row) -> Option<Option<Vec<u8>>> {
    match <[DbValue; 1]>::try_from(row) {
        Ok([DbValue::Binary(value)]) => Some(Some(value)),
        Ok([DbValue::DbNull]) => Some(None),
        _ => None,
    }
}

fn int(number: u64) -> Parameter {
    Parameter::Int64(number as i64)
}

/// Several values as one piece of bytes, and their lengths.
fn pieces<'a>(values: impl IntoIterator<Item = &'a Vec<u8>>) -> [Parameter; 2] {
    let (mut bytes, mut lengths) = (Vec::new(), Vec::new());
    for value in values {
        bytes.extend_from_slice(value);
        lengths.push(value.len().to_string());
    }
    [Parameter::Binary(bytes), text(lengths.join(","))]
}

/// Whether the host says that the component may not reach this address.
fn is_refusal(reason: &str) -> bool {
    reason.contains("not permitted")
}

/// What the server said, of the host's whole description of the error.
fn said(reason: String) -> String {
    let message = between(&reason, "message: \"", "\",").map(|text| text.replace("\\\"", "\""));
    match (message, state(&reason)) {
        (Some(message), Some(code)) => format!("{message} (SQLSTATE {code})"),
        (Some(message), None) => message,
        _ => reason,
    }
}

/// The SQLSTATE in the host's description of an error.
fn state(reason: &str) -> Option<&str> {
    between(reason, "SqlState(E", ")")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_travel_as_one() {
        let values = [b"a".to_vec(), Vec::new(), b"bcd".to_vec()];
        let [bytes, lengths] = pieces(&values);
        assert!(matches!(bytes, Parameter::Binary(bytes) if bytes == b"abcd"));
        assert!(matches!(lengths, Parameter::Str(lengths) if lengths == "1,0,3"));
    }

    #[test]
    fn of_a_hosts_description_what_the_server_said_is_shown() {
        let reason = "Error { kind: Db, cause: Some(DbError { severity: \"FATAL\", parsed_severity: Some(Fatal), \
             code: SqlState(E28P01), message: \"password authentication failed for user \\\"me\\\"\", detail: None }) }";
        assert_eq!(
            said(reason.to_owned()),
            "password authentication failed for user \"me\" (SQLSTATE 28P01)"
        );
        assert_eq!(said("it is gone".to_owned()), "it is gone");
        assert_eq!(remedy(reason), None);
        let pooled = "Error { kind: Db, cause: Some(DbError { code: SqlState(E26000), message: \"prepared statement \\\"s1\\\" does not exist\", detail: None }) }";
        assert_eq!(remedy(pooled), Some(NOT_KEPT));
    }
}
