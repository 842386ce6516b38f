-- What capture carries beside the text of a command, because the text alone would not give the
-- same: rows, plain definitions, constraints that a command leaves behind.

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

-- Tables that were given an identity because they had none.
CREATE TABLE IF NOT EXISTS meridian.given_identity (
  table_schema text,
  table_name text,
  PRIMARY KEY (table_schema, table_name)
);

-- Whether the table has a key that finds its rows: the primary key, or the index that is named as
-- its identity. A deferrable one does not, nor does one over a generated column on PostgreSQL 17,
-- which sends no such column.
CREATE OR REPLACE FUNCTION meridian.has_usable_key(table_id oid, identity "char") RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_index i
    WHERE i.indrelid = table_id AND i.indisvalid AND i.indimmediate
      AND CASE identity WHEN 'i' THEN i.indisreplident WHEN 'n' THEN false
        ELSE i.indisprimary END
      AND (current_setting('server_version_num')::integer >= 180000 OR NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = table_id AND a.attgenerated <> ''
          AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1]))))
$$;

-- A table without usable identity would make the application's own UPDATE fail: it gets one, until
-- it has a primary key. With virtual columns PostgreSQL accepts a key only.
CREATE OR REPLACE FUNCTION meridian.give_identity() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT n.nspname, r.relname, EXISTS (SELECT FROM pg_attribute a
        WHERE a.attrelid = r.oid AND a.attgenerated = 'v') AS has_virtual
    FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE r.relkind = 'r' AND r.relpersistence = 'p' AND r.relreplident <> 'f'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'meridian_local')
      AND n.nspname NOT LIKE 'pg\_toast%'
      AND NOT meridian.has_usable_key(r.oid, r.relreplident)
  LOOP
    IF found.has_virtual THEN
      RAISE EXCEPTION 'a table with virtual generated columns needs a key: %.%',
        found.nspname, found.relname USING ERRCODE = 'feature_not_supported',
        HINT = 'Add a primary key that is not deferrable, or make the column STORED.';
    END IF;
    INSERT INTO meridian.given_identity VALUES (found.nspname, found.relname)
    ON CONFLICT DO NOTHING;
    EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', found.nspname, found.relname);
  END LOOP;
  FOR found IN
    DELETE FROM meridian.given_identity g USING pg_class r, pg_namespace n
    WHERE n.nspname = g.table_schema AND r.relnamespace = n.oid AND r.relname = g.table_name
      AND r.relreplident = 'f' AND meridian.has_usable_key(r.oid, r.relreplident)
    RETURNING g.table_schema, g.table_name
  LOOP
    EXECUTE format(
      'ALTER TABLE %I.%I REPLICA IDENTITY DEFAULT', found.table_schema, found.table_name);
  END LOOP;
END
$$;

-- Whether CREATE INDEX CONCURRENTLY or its kin failed and left the index invalid, or is at work. An
-- invalid index of a partitioned table only lacks partitions.
CREATE OR REPLACE FUNCTION meridian.is_broken_index(index_id oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid
    WHERE i.indexrelid = index_id AND NOT i.indisvalid AND r.relkind = 'i')
$$;

-- Has the index made in other regions unless it is there: REINDEX makes a broken one valid.
CREATE OR REPLACE FUNCTION meridian.note_index(index_id oid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO meridian.ddl (command_tag, statement, role_name, search_path, objects)
  SELECT text.tag, text.statement, pg_get_userbyid(r.relowner), 'pg_catalog',
    jsonb_build_object('objects', jsonb_build_array(format('%I.%I', n.nspname, r.relname)))
  FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = r.relnamespace
  CROSS JOIN LATERAL (VALUES
    ('CREATE INDEX', regexp_replace(pg_get_indexdef(r.oid),
      '^CREATE (UNIQUE )?INDEX ', '\&IF NOT EXISTS ')),
    ('COMMENT', format('COMMENT ON INDEX %I.%I IS %L', n.nspname, r.relname,
      obj_description(r.oid, 'pg_class')))) AS text (tag, statement)
  WHERE r.oid = index_id AND r.relkind = 'i' AND i.indisvalid AND r.relpersistence = 'p'
    AND (text.tag <> 'COMMENT' OR obj_description(r.oid, 'pg_class') IS NOT NULL)
    AND NOT meridian.is_own(n.nspname, format('%I.%I', n.nspname, r.relname))
    AND n.nspname <> 'pg_catalog'
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = r.oid)
$$;

-- Indexes that the primary saw broken, or about to be: their uniqueness may not be enforced there.
CREATE TABLE IF NOT EXISTS meridian.broken_index (
  index_schema text,
  index_name text,
  PRIMARY KEY (index_schema, index_name)
);

-- The primary's look, every second: an index is made elsewhere once it is valid, also when the
-- command that mended it was ended before its event trigger fired. `dropping`: those that sessions
-- are about to drop concurrently (index-drop.sql).
DROP FUNCTION IF EXISTS meridian.capture_mended();
CREATE OR REPLACE FUNCTION meridian.capture_mended(dropping oid[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT b.index_schema, b.index_name, r.oid FROM meridian.broken_index b
    LEFT JOIN pg_class r ON r.oid = to_regclass(format('%I.%I', b.index_schema, b.index_name))
  LOOP
    CONTINUE WHEN meridian.is_broken_index(found.oid) OR found.oid = ANY (dropping);
    PERFORM meridian.note_index(found.oid);
    DELETE FROM meridian.broken_index b
    WHERE (b.index_schema, b.index_name) = (found.index_schema, found.index_name);
  END LOOP;
  INSERT INTO meridian.broken_index
  SELECT n.nspname, r.relname FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = r.relnamespace
  WHERE (NOT i.indisvalid OR r.oid = ANY (dropping))
    AND r.relkind = 'i' AND r.relpersistence = 'p'
    AND NOT meridian.is_own(n.nspname, format('%I.%I', n.nspname, r.relname))
  ON CONFLICT DO NOTHING;
END
$$;

-- Before an index is made: one of that name that a command once left broken here makes room.
CREATE OR REPLACE FUNCTION meridian.drop_broken(identity text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF meridian.is_broken_index(to_regclass(identity)) THEN
    EXECUTE format('DROP INDEX %s', to_regclass(identity));
  END IF;
END
$$;

-- DETACH PARTITION CONCURRENTLY leaves the partition's bounds as a constraint; the plain form, in
-- which other regions run it, does not.
CREATE OR REPLACE FUNCTION meridian.note_detached(
  role_name name, path text, statement text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  called text := substring(
    statement FROM '(?i)\mdetach\s+partition\s+(\S+)\s+(?:concurrently|finalize)');
  detached regclass;
BEGIN
  PERFORM set_config('search_path', path, true);
  detached := to_regclass(called);
  PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
  INSERT INTO meridian.ddl (command_tag, statement, role_name, search_path, objects)
  SELECT 'DO', format(
      'DO %L', format('BEGIN ALTER TABLE %s ADD CONSTRAINT %I %s; '
        || 'EXCEPTION WHEN duplicate_object THEN NULL; END',
        detached, c.conname, pg_get_constraintdef(c.oid))),
    role_name, path, '{}'
  FROM pg_constraint c WHERE c.conrelid = detached AND c.contype = 'c';
END
$$;
REVOKE ALL ON FUNCTION meridian.plain_definition, meridian.with_descendants,
  meridian.tables_to_carry, meridian.carry_rows, meridian.has_usable_key, meridian.give_identity,
  meridian.note_detached, meridian.is_broken_index, meridian.note_index, meridian.capture_mended,
  meridian.drop_broken
  FROM PUBLIC;
