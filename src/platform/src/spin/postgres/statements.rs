//! The statements. Each is a transaction of its own; the procedure has two.
//!
//! Several keys are one text with commas between them, which no key has. Several values are one
//! piece of bytes, and a text of their lengths: the host's interface passes no lists. Keys are
//! sorted, so that two statements wait for each other's rows in one order.
//!
//! Every query returns at least one row, since Spin 4.1 waits for ever for the first of none.

pub(super) const GET: &str = "SELECT (SELECT value FROM handoff.records WHERE key = $1)";

pub(super) const GET_MANY: &str = "SELECT record.value \
     FROM unnest(string_to_array($1, ',')) WITH ORDINALITY AS asked (key, n) \
     LEFT JOIN handoff.records AS record ON record.key = asked.key ORDER BY n";

pub(super) const COUNTERS: &str = "SELECT coalesce(counter.value, 0) \
     FROM unnest(string_to_array($1, ',')) WITH ORDINALITY AS asked (key, n) \
     LEFT JOIN handoff.counters AS counter ON counter.key = asked.key ORDER BY n";

pub(super) const SET: &str = "INSERT INTO handoff.records (key, value) VALUES ($1, $2) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value";

pub(super) const SET_MANY: &str = "WITH piece AS (\
         SELECT n, length, sum(length) OVER (ORDER BY n) - length + 1 AS start \
         FROM unnest(string_to_array($3, ',')::int[]) WITH ORDINALITY AS lengths (length, n)) \
     INSERT INTO handoff.records (key, value) \
     SELECT (string_to_array($1, ','))[n::int], substring($2::bytea FROM start::int FOR length) \
     FROM piece ORDER BY n \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value";

pub(super) const DELETE_MANY: &str = "WITH gone AS (\
         DELETE FROM handoff.counters WHERE key = ANY (string_to_array($1, ','))) \
     DELETE FROM handoff.records WHERE key = ANY (string_to_array($1, ','))";

pub(super) const INCREMENT: &str = "INSERT INTO handoff.counters AS old (key, value) VALUES ($1, $2) \
     ON CONFLICT (key) DO UPDATE SET value = old.value + excluded.value \
     RETURNING value";

/// Takes numbers and writes the records, by the procedure of the schema. A query that reads
/// afterwards is another statement: one sees only what was there when it began.
pub(super) const APPEND: &str = "CALL handoff.append($1, $2, $3, $4, $5, $6, NULL)";

/// Fails if a table or the procedure is missing. Answers whether this role may call it.
pub(super) const THERE: &str = "SELECT has_function_privilege(\
         'handoff.append(text, bigint, text, bigint, bytea, text, bigint)', 'EXECUTE') \
     FROM (SELECT count(*) FROM handoff.counters WHERE key = '') AS counters, \
         (SELECT count(*) FROM handoff.records WHERE key = '') AS records";

/// Makes the tables, and the procedure. Whoever comes meanwhile waits, since Postgres lets two that make the same fail.
pub(super) const MAKE_TABLES: &str = concat!(
    "DO $handoff$ BEGIN PERFORM pg_advisory_xact_lock(7163520918273645);\n",
    include_str!("schema.sql"),
    "END $handoff$"
);
