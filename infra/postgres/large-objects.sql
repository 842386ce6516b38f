-- Large objects are not decoded, so nothing would carry them to another region: what makes or
-- writes them is refused where it is asked for. PostgreSQL calls its built-in functions by number,
-- without a look at pg_proc: a new body for one of them would never run. So the built-in ones get
-- other names, under which only superusers may call them, and functions that refuse take the old
-- names, by which SQL, libpq and the drivers find them. Reading and deleting stay as they are.

CREATE OR REPLACE FUNCTION meridian.refuse_large_object() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'large objects are not replicated'
    USING ERRCODE = 'feature_not_supported',
      HINT = 'Keep the data in a column of type bytea (1 GB at most), or outside of the database '
        || 'with its address in a column.';
END
$$;

DO $$
DECLARE
  built_in record;
BEGIN
  FOR built_in IN
    SELECT p.oid, p.proname, pg_get_function_identity_arguments(p.oid) AS arguments,
      pg_get_function_result(p.oid) AS result
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384
      AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put',
        'lo_truncate', 'lo_truncate64', 'lowrite')
  LOOP
    EXECUTE format('ALTER FUNCTION pg_catalog.%I(%s) RENAME TO %I',
      built_in.proname, built_in.arguments, 'meridian_' || built_in.proname);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION pg_catalog.%I(%s) FROM PUBLIC',
      'meridian_' || built_in.proname, built_in.arguments);
    -- As if it had been so since initdb: a dump does not carry the privilege elsewhere.
    DELETE FROM pg_catalog.pg_init_privs
    WHERE classoid = 'pg_proc'::regclass AND objoid = built_in.oid;
    INSERT INTO pg_catalog.pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
    SELECT oid, 'pg_proc'::regclass, 0, 'i', proacl FROM pg_catalog.pg_proc
    WHERE oid = built_in.oid;
    EXECUTE format($f$CREATE FUNCTION pg_catalog.%I(%s) RETURNS %s LANGUAGE plpgsql
      SET search_path = pg_catalog, pg_temp
      AS 'BEGIN PERFORM meridian.refuse_large_object(); END'$f$,
      built_in.proname, built_in.arguments, built_in.result);
  END LOOP;
END
$$;
