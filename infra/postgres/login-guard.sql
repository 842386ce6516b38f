-- Refuses applications on a node that Meridian has not opened. Whoever starts the server, it comes
-- up closed: the fence must name this very start of the server and of its checkpointer. Standbys
-- admit applications, PostgreSQL itself keeps them read-only; one that is about to be promoted does
-- not, because a session survives the promotion and could write then. A standby cannot change a
-- row, so a setting says until when it is closed: one that only a superuser may change.
-- Roles named meridian_* always pass.

CREATE OR REPLACE FUNCTION meridian_local.guard_login() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF session_user LIKE 'meridian\_%' THEN
    RETURN;
  END IF;
  IF pg_is_in_recovery() THEN
    IF clock_timestamp() < to_timestamp(coalesce(substring(
      current_setting('dynamic_library_path') FROM 'meridian_closed_until_([0-9]+)'), '0')::bigint)
    THEN
      RAISE EXCEPTION 'this standby is about to be promoted'
        USING ERRCODE = 'cannot_connect_now', HINT = 'Connect again in a moment.';
    END IF;
    RETURN;
  END IF;
  IF NOT EXISTS (
    SELECT FROM meridian_local.fence
    WHERE open_epoch IS NOT NULL
      AND opened_start = pg_postmaster_start_time()
      AND opened_checkpointer =
        (SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer')
  ) THEN
    RAISE EXCEPTION 'this node is closed to applications'
      USING ERRCODE = 'cannot_connect_now',
        HINT = 'Connect to the primary region''s node, or read from a standby.';
  END IF;
END
$$;

DROP EVENT TRIGGER IF EXISTS meridian_login_guard;
CREATE EVENT TRIGGER meridian_login_guard ON login
  EXECUTE FUNCTION meridian_local.guard_login();
ALTER EVENT TRIGGER meridian_login_guard ENABLE ALWAYS;
