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

-- Takes numbers of a counter, writes a record under each, and then looks at other counters, in three
-- transactions. The first is not waited for until it is on the disk, since others wait for its row.
-- The second is, and the log is one: with a record its number is there as well. The third sees what
-- others committed before. Answers the counter and those looked at, with commas between them.
CREATE OR REPLACE PROCEDURE handoff.append(
  counter text, step bigint, prefix text, base bigint, bytes bytea, lengths text, look text,
  INOUT numbers text
) LANGUAGE plpgsql AS $append$
DECLARE
  taken bigint;
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
  COMMIT;
  SELECT concat_ws(',', taken, string_agg(coalesce(other.value, 0)::text, ',' ORDER BY n))
    FROM unnest(string_to_array(look, ',')) WITH ORDINALITY AS asked (key, n)
    LEFT JOIN handoff.counters AS other ON other.key = asked.key
    INTO numbers;
END
$append$;
