-- Makes one role, membership, setting or grant what it is on the primary. Every function here may
-- run again: what is so already is left.

CREATE OR REPLACE FUNCTION meridian.apply_global(kind text, definition jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  CASE kind
    WHEN 'role' THEN PERFORM meridian.apply_role(definition);
    WHEN 'member' THEN PERFORM meridian.apply_member(definition);
    WHEN 'setting' THEN PERFORM meridian.apply_setting(definition);
    WHEN 'database' THEN PERFORM meridian.apply_database(definition);
    WHEN 'owner' THEN
      EXECUTE format('ALTER %s OWNER TO %I', definition ->> 'object', definition ->> 'owner');
    WHEN 'parameter' THEN PERFORM meridian.apply_grants(
      format('PARAMETER %I', definition ->> 'name'),
      (SELECT meridian.grants_of(paracl) FROM pg_parameter_acl
       WHERE parname = definition ->> 'name'),
      CASE WHEN (definition ->> 'gone')::boolean THEN '[]' ELSE definition -> 'grants' END);
    -- What a server is, no command makes equal: a difference stays, and is drift.
    WHEN 'server', 'extension', 'collation', 'large objects' THEN NULL;
  END CASE;
END
$$;

CREATE OR REPLACE FUNCTION meridian.apply_role(definition jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  role_name text := definition ->> 'name';
  was text := definition ->> 'was';
  attributes text;
BEGIN
  IF (definition ->> 'gone')::boolean THEN
    IF to_regrole(quote_ident(role_name)) IS NOT NULL THEN
      EXECUTE format('DROP ROLE %I', role_name);
    END IF;
    RETURN;
  END IF;
  IF to_regrole(quote_ident(role_name)) IS NOT NULL THEN
    IF (definition ->> 'ifMissing')::boolean THEN RETURN; END IF;
  ELSIF to_regrole(quote_ident(was)) IS NOT NULL THEN
    EXECUTE format('ALTER ROLE %I RENAME TO %I', was, role_name);
  ELSE
    EXECUTE format('CREATE ROLE %I', role_name);
  END IF;
  SELECT string_agg(CASE WHEN (definition ->> word)::boolean THEN '' ELSE 'NO' END || word, ' ')
  INTO attributes FROM unnest(ARRAY['inherit', 'createrole', 'createdb', 'login', 'replication',
    'bypassrls']) AS word;
  EXECUTE format('ALTER ROLE %I %s %s CONNECTION LIMIT %s PASSWORD %L VALID UNTIL %L', role_name,
    CASE WHEN (definition ->> 'super')::boolean THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
    attributes, definition ->> 'limit', definition ->> 'password', definition ->> 'until');
  EXECUTE format('COMMENT ON ROLE %I IS %L', role_name, definition ->> 'comment');
END
$$;

CREATE OR REPLACE FUNCTION meridian.apply_member(definition jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  role_name text := definition ->> 'role';
  member_name text := definition ->> 'member';
  grantor_name text := definition ->> 'grantor';
  is_there boolean := EXISTS (SELECT FROM pg_auth_members a
    JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
    JOIN pg_roles g ON g.oid = a.grantor
    WHERE r.rolname = role_name AND m.rolname = member_name AND g.rolname = grantor_name);
BEGIN
  IF (definition ->> 'gone')::boolean THEN
    IF is_there THEN
      EXECUTE format('REVOKE %I FROM %I GRANTED BY %I CASCADE', role_name, member_name,
        grantor_name);
    END IF;
  ELSIF NOT (is_there AND (definition ->> 'ifMissing')::boolean) THEN
    EXECUTE format('GRANT %I TO %I WITH ADMIN %s, INHERIT %s, SET %s GRANTED BY %I', role_name,
      member_name, definition ->> 'admin', definition ->> 'inherit', definition ->> 'set',
      grantor_name);
  END IF;
END
$$;

-- Each name of a list of names is quoted for itself, any other value as a whole: as pg_dump does.
CREATE OR REPLACE FUNCTION meridian.apply_setting(definition jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  role_name text := definition ->> 'role';
  setting text := definition ->> 'setting';
  setting_value text := definition ->> 'value';
  target text := CASE
    WHEN (definition ->> 'database')::boolean AND role_name IS NULL
      THEN format('DATABASE %I', current_database())
    ELSE format('ROLE %s%s', coalesce(quote_ident(role_name), 'ALL'),
      CASE WHEN (definition ->> 'database')::boolean
        THEN format(' IN DATABASE %I', current_database()) ELSE '' END) END;
BEGIN
  IF (definition ->> 'gone')::boolean THEN
    IF role_name IS NULL OR to_regrole(quote_ident(role_name)) IS NOT NULL THEN
      EXECUTE format('ALTER %s RESET %s', target, meridian.setting_name(setting));
    END IF;
    RETURN;
  END IF;
  IF setting NOT IN ('local_preload_libraries', 'search_path', 'session_preload_libraries',
    'shared_preload_libraries', 'temp_tablespaces', 'unix_socket_directories') THEN
    setting_value := quote_literal(setting_value);
  ELSE
    SELECT coalesce(string_agg(quote_literal(coalesce(replace(one[1], '""', '"'), one[2])), ', '
      ORDER BY place), '''''') INTO setting_value
    FROM regexp_matches(setting_value, '"((?:[^"]|"")*)"|([^,\s"]+)', 'g') WITH ORDINALITY AS
      found(one, place);
  END IF;
  EXECUTE format('ALTER %s SET %s TO %s', target, meridian.setting_name(setting), setting_value);
END
$$;

-- A setting's name quoted, part by part: a custom one has a dot.
CREATE OR REPLACE FUNCTION meridian.setting_name(setting text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(setting, '.')) AS part
$$;

CREATE OR REPLACE FUNCTION meridian.apply_database(definition jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  present record;
BEGIN
  SELECT pg_get_userbyid(datdba) AS owner,
    meridian.grants_of(coalesce(datacl, acldefault('d', datdba))) AS grants INTO present
  FROM pg_database WHERE datname = current_database();
  IF present.owner <> definition ->> 'owner' THEN
    EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), definition ->> 'owner');
    SELECT present.owner, meridian.grants_of(coalesce(datacl, acldefault('d', datdba))) AS grants
    INTO present FROM pg_database WHERE datname = current_database();
  END IF;
  PERFORM meridian.apply_grants(
    format('DATABASE %I', current_database()), present.grants, definition -> 'grants');
  EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), definition ->> 'comment');
END
$$;

-- Takes back what is granted and should not be, grants the rest; both lists are grants_of's.
CREATE OR REPLACE FUNCTION meridian.apply_grants(object text, present jsonb, wanted jsonb)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT grant_ ->> 0 AS grantee, grant_ ->> 1 AS privilege, grant_ ->> 2 AS may_pass
    FROM jsonb_array_elements(coalesce(present, '[]')) AS grant_
    WHERE NOT wanted @> jsonb_build_array(grant_)
  LOOP
    EXECUTE format('REVOKE %s ON %s FROM %s CASCADE', one.privilege, object,
      CASE one.grantee WHEN '' THEN 'PUBLIC' ELSE quote_ident(one.grantee) END);
  END LOOP;
  FOR one IN
    SELECT grant_ ->> 0 AS grantee, grant_ ->> 1 AS privilege, grant_ ->> 2 AS may_pass
    FROM jsonb_array_elements(wanted) AS grant_
    WHERE NOT coalesce(present, '[]') @> jsonb_build_array(grant_)
  LOOP
    EXECUTE format('GRANT %s ON %s TO %s%s', one.privilege, object,
      CASE one.grantee WHEN '' THEN 'PUBLIC' ELSE quote_ident(one.grantee) END,
      CASE WHEN one.may_pass::boolean THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION meridian.apply_global, meridian.apply_role, meridian.apply_member,
  meridian.apply_setting, meridian.setting_name, meridian.apply_database, meridian.apply_grants
  FROM PUBLIC;
