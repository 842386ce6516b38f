-- Captures DDL on the primary as rows of meridian.ddl, in the same transaction and in order with
-- the data; the applier of another region runs each row where it stands. Event triggers do not fire
-- for replicated changes (session_replication_role = replica), so nothing is captured twice.
--
-- A row says: the command's tag, the text it stood in (`objects.ordinal` counts the commands of
-- that tag in it; `objects.place` is the statement's number in the body of an SQL function), the
-- role, the search path and the settings that change what the text means, and the tables whose rows
-- follow in meridian.carried_row because running the text again would make others.

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
  -- What an extension's script does comes with CREATE or ALTER EXTENSION.
  IF (stack LIKE '%extension script file%'
      OR current_setting('server_version_num')::integer < 180000)
    AND meridian.is_in_extension_script() THEN
    RETURN;
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

-- Whether an extension's script runs. The stack says so from PostgreSQL 18 on, but also holds texts
-- of whoever runs DDL. pg_extension_config_dump refuses to work outside a script before it looks at
-- its arguments: no table has the number 0.
CREATE OR REPLACE FUNCTION meridian.is_in_extension_script() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_extension_config_dump(0::oid::regclass, '');
  RETURN true;
EXCEPTION
  WHEN feature_not_supported THEN RETURN false;
  WHEN undefined_table THEN RETURN true;
END
$$;

-- The innermost statement's text: what PL/pgSQL ran, the body of an SQL function (which of its
-- statements it is goes to meridian.ddl_place), else what the client sent.
CREATE OR REPLACE FUNCTION meridian.statement_of(stack text, query text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  inner_text text[];
  sql_function text[] := regexp_match(stack, '^SQL function "(.*?)" statement (\d+)');
  bodies text[];
BEGIN
  PERFORM set_config('meridian.ddl_place', coalesce(sql_function[2], ''), true);
  IF sql_function IS NOT NULL THEN
    bodies := ARRAY(SELECT DISTINCT p.prosrc FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
      WHERE p.proname = sql_function[1] AND l.lanname = 'sql' AND p.prosqlbody IS NULL);
    IF cardinality(bodies) <> 1 THEN
      RAISE EXCEPTION 'several SQL functions are named %: it is not known which one runs DDL',
        sql_function[1] USING ERRCODE = 'feature_not_supported',
        HINT = 'Rename one of them, or write the function in PL/pgSQL.';
    END IF;
    RETURN bodies[1];
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
  IF tag = 'REINDEX' THEN
    PERFORM meridian.note_index(c.objid) FROM pg_event_trigger_ddl_commands() c
    WHERE c.classid = 'pg_class'::regclass;
    RETURN;
  END IF;
  IF tag IN ('CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION', 'DROP SUBSCRIPTION') THEN RETURN; END IF;
  -- An index that was left invalid is in no other region, so what is done to it is not carried.
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands())
    AND NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c
      WHERE c.classid <> 'pg_class'::regclass OR NOT meridian.is_broken_index(c.objid)) THEN
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
  IF tag LIKE 'DROP %' AND tag <> 'DROP OWNED' THEN
    IF dropped = '' THEN RETURN; END IF;
  ELSIF foreign_count = 0
    AND (names <> '[]' OR tag LIKE 'CREATE %' OR tag IN ('SELECT INTO', 'ALTER TABLE')) THEN
    RETURN;
  END IF;
  IF tag IN ('CREATE TABLE AS', 'SELECT INTO') THEN
    SELECT array_agg(c.objid), min(meridian.plain_definition(c.objid)) INTO carried, made
    FROM pg_event_trigger_ddl_commands() c WHERE c.classid = 'pg_class'::regclass;
  ELSE
    -- The definition names the index: a name chosen here may be taken or free elsewhere.
    IF tag = 'CREATE INDEX' THEN
      SELECT min(pg_get_indexdef(r.oid)) INTO made FROM pg_event_trigger_ddl_commands() c
      JOIN pg_class r ON c.classid = 'pg_class'::regclass AND r.oid = c.objid
        AND r.relkind = 'i' AND r.reltablespace = 0;
    END IF;
    carried := meridian.tables_to_carry(rewritten, statement);
  END IF;
  -- A command that names an owner changes it itself.
  PERFORM meridian.write_globals(ARRAY['role', 'member']
    || CASE WHEN statement ~* '\mowner\s+to\M' THEN NULL ELSE 'owner' END);
  INSERT INTO meridian.ddl (command_tag, statement, role_name, search_path, objects)
  VALUES (tag, coalesce(made, statement), role_name, path, jsonb_build_object(
    'objects', names, 'ordinal', CASE WHEN made IS NULL THEN place ELSE 0 END,
    'place', CASE WHEN made IS NULL
      THEN nullif(current_setting('meridian.ddl_place'), '')::integer END,
    'carries', (SELECT coalesce(jsonb_agg(jsonb_build_array(n.nspname, r.relname)), '[]')
      FROM unnest(carried) AS o(id) JOIN pg_class r ON r.oid = o.id
      JOIN pg_namespace n ON n.oid = r.relnamespace),
    'settings', (SELECT jsonb_object_agg(s.name, s.setting) FROM pg_settings s
      WHERE s.name IN ('TimeZone', 'check_function_bodies', 'default_table_access_method',
        'default_tablespace', 'default_toast_compression', 'standard_conforming_strings'))));
  PERFORM meridian.carry_rows(o.id) FROM unnest(carried) AS o(id);
  IF statement ~* '\mdetach\s+partition\M.*\m(concurrently|finalize)\M' THEN
    PERFORM meridian.note_detached(role_name, path, statement);
  END IF;
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

REVOKE ALL ON FUNCTION meridian.is_in_extension_script, meridian.statement_of, meridian.is_own,
  meridian.note_command, meridian.next_ordinal FROM PUBLIC;

DROP EVENT TRIGGER IF EXISTS meridian_ddl_end;
DROP EVENT TRIGGER IF EXISTS meridian_sql_drop;
DROP EVENT TRIGGER IF EXISTS meridian_table_rewrite;
CREATE EVENT TRIGGER meridian_ddl_end ON ddl_command_end
  EXECUTE FUNCTION meridian.capture_ddl();
CREATE EVENT TRIGGER meridian_sql_drop ON sql_drop
  EXECUTE FUNCTION meridian.capture_ddl();
CREATE EVENT TRIGGER meridian_table_rewrite ON table_rewrite
  EXECUTE FUNCTION meridian.capture_ddl();
