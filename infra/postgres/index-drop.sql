-- DROP INDEX CONCURRENTLY of a unique index. PostgreSQL stops enforcing it, perhaps long before it
-- drops it and event triggers see that: rows that are equal in it may be committed meanwhile. The
-- command waits here, before it has changed anything, until the name is in meridian.broken_index,
-- so that the name is in the log before any such row: a region that meets one drops the index then.
--
-- The command may not have written anything, so another session records it. Both show what they do
-- by advisory locks, which everybody sees at once, whatever the isolation: the command holds
-- (1296388681, index) until its first transaction has made the index invalid, and waits for
-- (1296388682, index) of services/replicator/io/capture/index-drops.ts.

CREATE OR REPLACE FUNCTION meridian.announce_index_drop() RETURNS event_trigger
LANGUAGE plpgsql AS $$
DECLARE
  -- Without comments. The command stands alone in its text: PostgreSQL wants it so.
  statement text := pg_catalog.regexp_replace(pg_catalog.current_query(),
    '("([^"]|"")*")|/\*([^*]|\*+[^*/])*\*+/|--[^\n]*', '\1 ', 'g');
  index_name text;
  index_id pg_catalog.oid;
  give_up_at timestamptz := pg_catalog.clock_timestamp() + interval '30 s';
BEGIN
  IF statement !~* '^[\s;]*drop\s+index\s+concurrently\M' THEN RETURN; END IF;
  index_name := (pg_catalog.regexp_match(statement,
    '^[\s;]*drop\s+index\s+concurrently\s+(?:if\s+exists\s+)?'
    || '((?:"(?:[^"]|"")+"|[^\s".,;()]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[^\s".,;()]+))*)'
    || '\s*(?:\m(?:cascade|restrict))?[\s;]*$', 'i'))[1];
  IF index_name IS NULL THEN
    RAISE EXCEPTION 'it is not known which index this drops'
      USING ERRCODE = 'feature_not_supported',
      HINT = 'Write DROP INDEX CONCURRENTLY and the name of one index, without nested comments.';
  END IF;
  SELECT i.indexrelid INTO index_id FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid
  WHERE i.indexrelid = pg_catalog.to_regclass(index_name) AND i.indisunique
    AND r.relkind = 'i' AND r.relpersistence = 'p';
  IF index_id IS NULL THEN RETURN; END IF;
  PERFORM pg_catalog.pg_advisory_xact_lock_shared(1296388681, index_id::integer);
  WHILE NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid AND a.usename = 'meridian_applier'
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = 1296388682
      AND l.objid = index_id AND l.database = a.datid
  ) LOOP
    IF pg_catalog.clock_timestamp() > give_up_at THEN
      RAISE EXCEPTION 'the replicator does not record that index % is dropped', index_name
        USING ERRCODE = 'lock_not_available',
        HINT = 'Try again once the replicator is at work, or DROP INDEX without CONCURRENTLY.';
    END IF;
    -- A transaction sees the sessions that were there when it first looked, else.
    PERFORM pg_catalog.pg_sleep(0.02), pg_catalog.pg_stat_clear_snapshot();
  END LOOP;
END
$$;

DROP EVENT TRIGGER IF EXISTS meridian_index_drop;
CREATE EVENT TRIGGER meridian_index_drop ON ddl_command_start WHEN TAG IN ('DROP INDEX')
  EXECUTE FUNCTION meridian.announce_index_drop();
