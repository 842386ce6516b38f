-- Ends a transaction that the applier makes: progress moves from where it must be to where the
-- transaction ends, and the fence is checked under a lock that a seal has to wait for.

CREATE OR REPLACE FUNCTION meridian_local.advance_progress(
  from_epoch integer, from_lsn pg_lsn,
  to_epoch integer, to_lsn pg_lsn, to_time timestamptz,
  own_epoch integer, own_incarnation text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  fence meridian_local.fence%ROWTYPE;
BEGIN
  SELECT * INTO STRICT fence FROM meridian_local.fence FOR SHARE;
  IF fence.sealed_epoch > own_epoch OR fence.incarnation <> own_incarnation THEN
    RAISE EXCEPTION 'fenced: sealed for epoch %, incarnation %',
      fence.sealed_epoch, fence.incarnation USING ERRCODE = 'MF001';
  END IF;
  UPDATE meridian_local.progress
  SET epoch = to_epoch, end_lsn = to_lsn,
    commit_time = coalesce(to_time, commit_time), updated_at = clock_timestamp()
  WHERE epoch = from_epoch AND end_lsn = from_lsn;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'progress is not at %:%', from_epoch, from_lsn USING ERRCODE = 'MF002';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION meridian_local.advance_progress FROM PUBLIC;
