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

-- Takes the next numbers of a counter and writes a record under each. Every enqueuer of a queue
-- increments one row, which is locked until its transaction ends. So the first transaction commits
-- without a wait for the disk or a standby. The second one waits, and with a record its number is
-- there: it is earlier in the same log. It ends with the statement: statement_timeout would cut a
-- wait inside the procedure short, and Postgres would go on as if a standby had the record.
-- It has no SET clause and no SECURITY DEFINER: both forbid COMMIT. One that does something else
-- needs another name, since hosts of two versions may call it.
CREATE OR REPLACE PROCEDURE handoff.append(
  counter text, step bigint, prefix text, base bigint, bytes bytea, lengths text, INOUT taken bigint
) LANGUAGE plpgsql AS $append$
BEGIN
  SET LOCAL synchronous_commit = off;
  INSERT INTO handoff.counters AS old (key, value) VALUES (counter, step)
    ON CONFLICT (key) DO UPDATE SET value = old.value + excluded.value
    RETURNING value INTO taken;
  COMMIT;
  -- Above 2^44 a counter has flags.
  INSERT INTO handoff.records (key, value)
    SELECT prefix || (base + taken % 17592186044416 - step + n),
      substring(bytes FROM start::int FOR length)
    FROM (
      SELECT n, length, sum(length) OVER (ORDER BY n) - length + 1 AS start
      FROM unnest(string_to_array(lengths, ',')::int[]) WITH ORDINALITY AS piece (length, n)
    ) AS pieces
    ORDER BY n
    ON CONFLICT (key) DO UPDATE SET value = excluded.value;
END
$append$;
