-- Captures DDL on the primary as rows of meridian.ddl, in the same transaction and in order with
-- the data; the applier of another region runs each row where it stands. Event triggers do not fire
-- for replicated changes (session_replication_role = replica), so nothing is captured twice.
--
-- A row says: the command's tag, the text it stood in (`objects.ordinal` counts the commands of
-- that
-- tag in it), the role, the search path and the settings that change what the text means, and the
-- tables whose rows follow in meridian.carried_row because running the text again would make
-- others.

CREATE TABLE IF NOT EXISTS meridian.carried_row (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Schema and name, as in pg_class.
  table_schema text NOT NULL,
  table_name text NOT NULL,
  -- Text form of the row's record.
  content text NOT NULL
);

GRANT USAGE ON SCHEMA meridian TO PUBLIC;

-- Runs as the role that ran the command: tells the recorder which role that is.
CREATE OR REPLACE FUNCTION meridian.capture_ddl() RETURNS event_trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM meridian.record_ddl(
    tg_event, tg_tag, pg_catalog."current_user"(), pg_catalog.current_setting('search_path'));
END
$$;

CREATE OR REPLACE FUNCTION meridian.record_ddl(
  event text, tag text, role_name name, path text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lc_messages = 'C' SET row_security = off
SET datestyle = 'ISO, MDY' SET intervalstyle = 'postgres' SET extra_float_digits = 1
SET bytea_output = 'hex' SET xmloption = 'content'
AS $$
DECLARE
  stack text;
  statement text;
  command record;
BEGIN
  GET DIAGNOSTICS stack = PG_CONTEXT;
  -- Only the event trigger itself may call this: the second frame of the stack is the caller's.
  IF stack !~ ('^PL/pgSQL function (meridian\.)?record_ddl\([^\n]*\n'
    || 'SQL (statement|expression) "[^\n]*(\n[^\n]*)?"\n'
    || 'PL/pgSQL function (meridian\.)?capture_ddl\(\) line \d+ at PERFORM') THEN
    RAISE EXCEPTION 'meridian.record_ddl is called by event triggers only'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  statement := meridian.statement_of(
    ltrim(regexp_replace(stack, '^.*?capture_ddl\(\) line \d+ at PERFORM', ''), E'\n'),
    current_query());
  IF event = 'table_rewrite' THEN
    PERFORM set_config('meridian.rewritten',
      concat_ws(' ', nullif(current_setting('meridian.rewritten', true), ''),
        pg_event_trigger_table_rewrite_oid() || ':' || pg_event_trigger_table_rewrite_reason()),
      true);
    RETURN;
  END IF;
  IF event = 'sql_drop' THEN
    PERFORM set_config('meridian.dropped', coalesce((
      SELECT 'yes' FROM pg_event_trigger_dropped_objects() d
      WHERE NOT d.is_temporary AND NOT meridian.is_own(d.schema_name, d.object_identity) LIMIT 1
    ), ''), true);
    RETURN;
  END IF;
  PERFORM meridian.note_command(tag, role_name, path, statement);
END
$$;

-- The innermost statement's text: what PL/pgSQL ran, else what the client sent.
CREATE OR REPLACE FUNCTION meridian.statement_of(stack text, query text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  inner_text text[];
BEGIN
  IF stack LIKE 'SQL function %' THEN
    RAISE EXCEPTION 'DDL inside an SQL function cannot be replicated'
      USING ERRCODE = 'feature_not_supported',
        HINT = 'Write the function in PL/pgSQL, or run its statements one by one.';
  END IF;
  inner_text := regexp_match(
    stack, '^SQL statement "(.*?)"(?:$|\n(?:PL/|SQL |COPY |while |unnamed ))');
  RETURN coalesce(inner_text[1], query);
END
$$;

-- Whether an object is Meridian's own or belongs to one session.
CREATE OR REPLACE FUNCTION meridian.is_own(schema_name text, identity text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(schema_name IN ('meridian', 'meridian_local', 'pg_temp')
      OR schema_name LIKE 'pg\_temp\_%' OR schema_name LIKE 'pg\_toast%', false)
    OR coalesce(identity ~ '(^|[ "])(pg_temp|meridian|meridian_local)\.'
      OR identity ~ '^"?meridian_' OR identity IN ('meridian', 'meridian_local'), false)
$$;

CREATE OR REPLACE FUNCTION meridian.note_command(
  tag text, role_name name, path text, statement text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  place integer := meridian.next_ordinal(tag, statement);
  rewritten text := coalesce(current_setting('meridian.rewritten', true), '');
  dropped text := coalesce(current_setting('meridian.dropped', true), '');
  names jsonb;
  foreign_count integer;
  unlogged text;
  carried oid[];
  made text;
BEGIN
  PERFORM set_config('meridian.rewritten', '', true), set_config('meridian.dropped', '', true);
  IF tag IN ('REINDEX', 'CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION', 'DROP SUBSCRIPTION') THEN
    RETURN;
  END IF;
  SELECT coalesce(jsonb_agg(c.object_identity), '[]'),
    count(*) FILTER (WHERE (NOT c.in_extension OR tag LIKE '% EXTENSION')
      AND NOT meridian.is_own(c.schema_name, c.object_identity)),
    min(r.oid::regclass::text) FILTER (WHERE r.relpersistence = 'u')
  INTO names, foreign_count, unlogged
  FROM pg_event_trigger_ddl_commands() c
  LEFT JOIN pg_class r ON c.classid = 'pg_class'::regclass AND r.oid = c.objid
    AND r.relkind IN ('r', 'p', 'S');
  IF unlogged IS NOT NULL THEN
    RAISE EXCEPTION 'unlogged tables are not replicated: %', unlogged
      USING ERRCODE = 'feature_not_supported', HINT = 'Make the table LOGGED, or temporary.';
  END IF;
  -- Some commands list no object (GRANT on a column, ALTER DEFAULT PRIVILEGES): they count; DROP
  -- tells what it dropped; CREATE … IF NOT EXISTS that made nothing changes nothing elsewhere.
  IF tag LIKE 'DROP %' THEN
    IF dropped = '' THEN RETURN; END IF;
  ELSIF foreign_count = 0 AND (names <> '[]' OR tag LIKE 'CREATE %' OR tag = 'SELECT INTO') THEN
    RETURN;
  END IF;
  IF tag IN ('CREATE TABLE AS', 'SELECT INTO') THEN
    SELECT array_agg(c.objid), min(meridian.plain_definition(c.objid)) INTO carried, made
    FROM pg_event_trigger_ddl_commands() c WHERE c.classid = 'pg_class'::regclass;
  ELSE
    carried := meridian.tables_to_carry(rewritten, statement);
  END IF;
  INSERT INTO meridian.ddl (command_tag, statement, role_name, search_path, objects)
  VALUES (tag, coalesce(made, statement), role_name, path, jsonb_build_object(
    'objects', names, 'ordinal', CASE WHEN made IS NULL THEN place ELSE 0 END,
    'carries', (SELECT coalesce(jsonb_agg(jsonb_build_array(n.nspname, r.relname)), '[]')
      FROM unnest(carried) AS o(id) JOIN pg_class r ON r.oid = o.id
      JOIN pg_namespace n ON n.oid = r.relnamespace),
    'settings', (SELECT jsonb_object_agg(s.name, s.setting) FROM pg_settings s
      WHERE s.name IN ('TimeZone', 'check_function_bodies', 'default_table_access_method',
        'default_tablespace', 'default_toast_compression', 'standard_conforming_strings'))));
  PERFORM meridian.carry_rows(o.id) FROM unnest(carried) AS o(id);
  PERFORM meridian.give_identity();
END
$$;

-- How many commands with this tag came before from the same text in the same message.
CREATE OR REPLACE FUNCTION meridian.next_ordinal(tag text, statement text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  message text := extract(epoch FROM statement_timestamp())::text;
  seen jsonb := coalesce(nullif(current_setting('meridian.ddl_seen', true), ''), '{}')::jsonb;
  entry text := md5(statement) || tag;
  place integer;
BEGIN
  IF seen ->> 'message' IS DISTINCT FROM message THEN
    seen := jsonb_build_object('message', message);
  END IF;
  place := coalesce((seen ->> entry)::integer, 0);
  PERFORM set_config('meridian.ddl_seen',
    (seen || jsonb_build_object(entry, place + 1))::text, false);
  RETURN place;
END
$$;

-- The table as CREATE TABLE AS made it: columns and options, no rows.
CREATE OR REPLACE FUNCTION meridian.plain_definition(made oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('CREATE TABLE %I.%I (%s)%s%s', n.nspname, r.relname,
    (SELECT string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attcollation <> t.typcollation
          THEN format(' COLLATE %I.%I', cn.nspname, co.collname) ELSE '' END),
      ', ' ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_collation co ON co.oid = a.attcollation
      LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
      WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
    CASE WHEN r.reloptions IS NULL THEN '' ELSE
      format(' WITH (%s)', array_to_string(r.reloptions, ', ')) END,
    CASE WHEN am.amname = 'heap' THEN '' ELSE format(' USING %I', am.amname) END)
  FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace JOIN pg_am am ON am.oid = r.relam
  WHERE r.oid = made
$$;

-- A table and what inherits from it, partitions included.
CREATE OR REPLACE FUNCTION meridian.with_descendants(root oid) RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE tree(id) AS (
    SELECT root UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.id
  ) SELECT id FROM tree
$$;

-- Tables that the command filled with values that its text would not give again: volatile defaults
-- (reason 2), other types by an expression (4), tables that were unlogged (1), and defaults of new
-- columns that were computed once.
CREATE OR REPLACE FUNCTION meridian.tables_to_carry(rewritten text, statement text) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT array_agg(DISTINCT t.id) FROM (
    SELECT split_part(pair, ':', 1)::oid AS id
    FROM regexp_split_to_table(rewritten, ' ') AS pair WHERE pair <> ''
      AND (split_part(pair, ':', 2)::integer & 3 <> 0
        OR (split_part(pair, ':', 2)::integer & 4 <> 0 AND statement ~* '\musing\M'))
    UNION
    SELECT a.attrelid FROM pg_event_trigger_ddl_commands() c
    JOIN meridian.with_descendants(c.objid) AS tree(id) ON c.classid = 'pg_class'::regclass
    JOIN pg_attribute a ON a.attrelid = tree.id AND a.atthasmissing
      AND age(a.xmin) <= age(pg_current_xact_id()::xid)
    JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      AND d.adbin::text ~ '\{(FUNCEXPR|OPEXPR|SQLVALUEFUNCTION|COERCEVIAIO|CASEEXPR|COALESCEEXPR)'
    WHERE c.command_tag = 'ALTER TABLE'
  ) t JOIN pg_class r ON r.oid = t.id AND r.relkind = 'r' AND r.relpersistence = 'p'
$$;

CREATE OR REPLACE FUNCTION meridian.carry_rows(carried oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  schema_name text;
  relation_name text;
BEGIN
  SELECT n.nspname, r.relname INTO schema_name, relation_name
  FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = carried;
  EXECUTE format(
    'INSERT INTO meridian.carried_row (table_schema, table_name, content)
     SELECT %L, %L, (t.*)::text FROM ONLY %I.%I AS t',
    schema_name, relation_name, schema_name, relation_name);
  -- They have been decoded by now; the rows themselves are not wanted here.
  DELETE FROM meridian.carried_row;
END
$$;

-- A table without usable identity would make the application's own UPDATE fail: it gets one.
CREATE OR REPLACE FUNCTION meridian.give_identity() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT n.nspname, r.relname FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE r.relkind = 'r' AND r.relpersistence = 'p' AND r.relreplident <> 'f'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'meridian_local')
      AND n.nspname NOT LIKE 'pg\_toast%'
      AND NOT EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisvalid
          AND CASE r.relreplident WHEN 'd' THEN i.indisprimary
            WHEN 'i' THEN i.indisreplident ELSE false END)
  LOOP
    EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', found.nspname, found.relname);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION meridian.statement_of, meridian.is_own, meridian.note_command,
  meridian.next_ordinal, meridian.plain_definition, meridian.with_descendants,
  meridian.tables_to_carry,
  meridian.carry_rows, meridian.give_identity FROM PUBLIC;

DROP EVENT TRIGGER IF EXISTS meridian_ddl_end;
DROP EVENT TRIGGER IF EXISTS meridian_sql_drop;
DROP EVENT TRIGGER IF EXISTS meridian_table_rewrite;
CREATE EVENT TRIGGER meridian_ddl_end ON ddl_command_end
  EXECUTE FUNCTION meridian.capture_ddl();
CREATE EVENT TRIGGER meridian_sql_drop ON sql_drop
  EXECUTE FUNCTION meridian.capture_ddl();
CREATE EVENT TRIGGER meridian_table_rewrite ON table_rewrite
  EXECUTE FUNCTION meridian.capture_ddl();
