-- What Handoff keeps in a Postgres. It may be run again at any time: what is there stays.

CREATE SCHEMA IF NOT EXISTS handoff;

-- Counters, such as how many tasks a queue was given. A few of them change with every task: room in
-- the page lets a new version of the row stand beside the old one, and autovacuum comes often.
CREATE TABLE IF NOT EXISTS handoff.counters (
  key text COLLATE "C" PRIMARY KEY,
  value bigint NOT NULL
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Records, such as tasks and their results. Retention deletes them.
CREATE TABLE IF NOT EXISTS handoff.records (
  key text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
