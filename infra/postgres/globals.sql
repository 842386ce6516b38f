-- What no event trigger sees, kept equal in every region: roles with their verifiers,
-- memberships, ALTER ROLE and ALTER DATABASE … SET, grants on the database and on parameters,
-- owner and comments; and owners of objects, which REASSIGN OWNED changes unseen. What cannot be
-- made equal is compared all the same: what the server and the database are, versions of
-- extensions and collations, and whether a superuser has made large objects.
--
-- meridian.global_state holds what the primary had when it was last looked at, and replicates like
-- any table. A difference to what is there now becomes a row of meridian.ddl that calls
-- meridian.apply_global: in order with the data, and harmless when it is repeated. On a region that
-- follows, the same difference is drift. Meridian's own roles and PostgreSQL's are left alone.

CREATE TABLE IF NOT EXISTS meridian.global_state (
  kind text NOT NULL,
  name text NOT NULL,
  definition jsonb NOT NULL,
  -- Of a role on the primary that wrote the row: tells a renamed role from a new one.
  source_oid oid,
  PRIMARY KEY (kind, name)
);

CREATE OR REPLACE FUNCTION meridian.is_own_role(role_name name) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT role_name ~ '^(pg|meridian)_'
$$;

-- Grants as a sorted list of [grantee, privilege, whether it may be passed on].
CREATE OR REPLACE FUNCTION meridian.grants_of(acl aclitem[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_array(grantee, privilege_type, is_grantable)
    ORDER BY grantee, privilege_type), '[]') FROM (
    SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END AS grantee,
      a.privilege_type, bool_or(a.is_grantable) AS is_grantable
    FROM aclexplode(acl) a GROUP BY 1, 2) AS grants
$$;

CREATE OR REPLACE VIEW meridian.global_now AS
SELECT 'role' AS kind, rolname::text AS name, jsonb_build_object(
    'super', rolsuper, 'inherit', rolinherit, 'createrole', rolcreaterole,
    'createdb', rolcreatedb, 'login', rolcanlogin, 'replication', rolreplication,
    'bypassrls', rolbypassrls, 'limit', rolconnlimit, 'password', rolpassword,
    'until', coalesce(to_char(rolvaliduntil AT TIME ZONE 'UTC',
      'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'infinity'),
    'comment', shobj_description(oid, 'pg_authid')) AS definition, oid AS source_oid
FROM pg_catalog.pg_authid WHERE NOT meridian.is_own_role(rolname)
UNION ALL
SELECT 'member', format('%I %I %I', r.rolname, m.rolname, g.rolname), jsonb_build_object(
    'role', r.rolname, 'member', m.rolname, 'grantor', g.rolname,
    'admin', a.admin_option, 'inherit', a.inherit_option, 'set', a.set_option), NULL
FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_authid r ON r.oid = a.roleid
JOIN pg_catalog.pg_authid m ON m.oid = a.member
JOIN pg_catalog.pg_authid g ON g.oid = a.grantor
WHERE NOT (meridian.is_own_role(r.rolname) AND meridian.is_own_role(m.rolname))
UNION ALL
SELECT 'setting', format('%I %s %s', coalesce(r.rolname, ''), s.setdatabase <> 0,
    split_part(one, '=', 1)), jsonb_build_object('role', r.rolname,
    'database', s.setdatabase <> 0, 'setting', split_part(one, '=', 1),
    'value', substr(one, strpos(one, '=') + 1)), NULL
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_authid r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) AS one
WHERE (r.rolname IS NULL OR NOT meridian.is_own_role(r.rolname)) AND s.setdatabase IN (0,
  (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
UNION ALL
SELECT 'database', '', jsonb_build_object('owner', pg_get_userbyid(datdba),
    'grants', meridian.grants_of(coalesce(datacl, acldefault('d', datdba))),
    'comment', shobj_description(oid, 'pg_database')), NULL
FROM pg_catalog.pg_database WHERE datname = current_database()
UNION ALL
SELECT 'parameter', parname, jsonb_build_object('grants', meridian.grants_of(paracl)), NULL
FROM pg_catalog.pg_parameter_acl WHERE meridian.grants_of(paracl) <> '[]'
UNION ALL
SELECT 'server', '', jsonb_build_object(
    'version', current_setting('server_version_num')::integer / 10000,
    'encoding', pg_encoding_to_char(encoding), 'provider', datlocprovider, 'locale', datlocale,
    'collate', datcollate, 'ctype', datctype,
    'collation', pg_database_collation_actual_version(oid)), NULL
FROM pg_catalog.pg_database WHERE datname = current_database()
UNION ALL
SELECT 'extension', extname, jsonb_build_object('version', extversion), NULL
FROM pg_catalog.pg_extension
UNION ALL
SELECT 'collation', format('%I.%I', n.nspname, c.collname),
  jsonb_build_object('version', pg_collation_actual_version(c.oid)), NULL
FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE c.oid >= 16384
UNION ALL
SELECT 'large objects', '', '{}', NULL
WHERE EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
UNION ALL
SELECT 'owner', o.words || ' ' || o.identity,
  jsonb_build_object('object', o.words || ' ' || o.identity,
    'owner', pg_get_userbyid(o.owner)), NULL
FROM (
  SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS words,
    format('%I.%I', n.nspname, c.relname) AS identity, c.relowner AS owner, c.oid,
    'pg_class'::regclass AS class, n.nspname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence = 'p'
  UNION ALL
  SELECT 'ROUTINE', format('%I.%I(%s)', n.nspname, p.proname,
      pg_get_function_identity_arguments(p.oid)), p.proowner, p.oid, 'pg_proc'::regclass, n.nspname
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind <> 'a'
  UNION ALL
  SELECT 'TYPE', format('%I.%I', n.nspname, t.typname), t.typowner, t.oid, 'pg_type'::regclass,
    n.nspname
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('c', 'd', 'e', 'r') AND (c.oid IS NULL OR c.relkind = 'c')
  UNION ALL
  SELECT 'SCHEMA', format('%I', n.nspname), n.nspowner, n.oid, 'pg_namespace'::regclass, n.nspname
  FROM pg_catalog.pg_namespace n
) AS o
WHERE o.nspname !~ '^(pg_|information_schema|meridian)' AND NOT EXISTS (
  -- Members of extensions, and sequences that belong to a column.
  SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.class AND d.objid = o.oid
    AND (d.deptype = 'e' OR (o.words = 'SEQUENCE' AND d.deptype IN ('a', 'i'))));

-- What differs from meridian.global_state, in an order in which it can be carried out.
CREATE OR REPLACE FUNCTION meridian.global_changes()
RETURNS TABLE (kind text, name text, definition jsonb, is_gone boolean, was text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT kind, name, coalesce(n.definition, s.definition), n.definition IS NULL,
    CASE WHEN kind = 'role' AND s.definition IS NULL THEN (
      SELECT old.name FROM meridian.global_state old
      WHERE old.kind = 'role' AND old.source_oid = n.source_oid AND NOT EXISTS (
        SELECT FROM pg_roles WHERE rolname = old.name)) END
  FROM meridian.global_now n FULL JOIN meridian.global_state s USING (kind, name)
  WHERE n.definition IS DISTINCT FROM s.definition
    -- Objects come and go by their own commands.
    AND (kind NOT IN ('owner', 'extension', 'collation')
      OR (n.definition IS NOT NULL AND s.definition IS NOT NULL))
  ORDER BY kind = 'role' AND n.definition IS NULL, kind <> 'role', kind <> 'member',
    n.definition ->> 'admin' = 'false', n.definition IS NOT NULL, name
$$;

-- The primary's look, every second: writes what changed. Returns how much that was.
CREATE OR REPLACE FUNCTION meridian.capture_globals() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  changes integer;
BEGIN
  IF NOT EXISTS (
    SELECT FROM meridian.global_now n FULL JOIN meridian.global_state s USING (kind, name)
    WHERE (n.definition, n.source_oid) IS DISTINCT FROM (s.definition, s.source_oid)
  ) THEN RETURN 0; END IF;
  changes := meridian.write_globals(NULL);
  DELETE FROM meridian.global_state s
  WHERE NOT EXISTS (SELECT FROM meridian.global_now n WHERE n.kind = s.kind AND n.name = s.name);
  INSERT INTO meridian.global_state AS s (kind, name, definition, source_oid)
  SELECT n.kind, n.name, n.definition, n.source_oid FROM meridian.global_now n
  ON CONFLICT (kind, name) DO UPDATE
  SET definition = excluded.definition, source_oid = excluded.source_oid
  WHERE (s.definition, s.source_oid) IS DISTINCT FROM (excluded.definition, excluded.source_oid);
  RETURN changes;
END
$$;

-- Before a captured command: roles and memberships that it may need and others may lack, which are
-- only made where they are missing (what they are like is for the next look to say), and owners.
-- Without kinds: everything.
CREATE OR REPLACE FUNCTION meridian.write_globals(needed_kinds text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  changes integer;
BEGIN
  INSERT INTO meridian.ddl (command_tag, statement, role_name, search_path, objects)
  SELECT 'SELECT', format('SELECT meridian.apply_global(%L, %L::jsonb)', c.kind,
      c.definition || jsonb_build_object('name', c.name, 'gone', c.is_gone, 'was', c.was,
        'ifMissing', needed_kinds IS NOT NULL)),
    'meridian_owner', 'pg_catalog', '{}'
  FROM meridian.global_changes() c
  WHERE needed_kinds IS NULL OR (c.kind = ANY (needed_kinds) AND NOT c.is_gone);
  GET DIAGNOSTICS changes = ROW_COUNT;
  RETURN changes;
END
$$;
REVOKE ALL ON FUNCTION meridian.capture_globals, meridian.write_globals, meridian.global_changes
  FROM PUBLIC;
