-- Refuses applications on a node that Meridian has not opened. Whoever starts the server, it comes
-- up closed: the fence must name this very start of the server and of its checkpointer. Standbys
-- admit applications, PostgreSQL itself keeps them read-only. Roles named meridian_* always pass.

CREATE OR REPLACE FUNCTION meridian_local.guard_login() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_is_in_recovery() OR session_user LIKE 'meridian\_%' THEN
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
