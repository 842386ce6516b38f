-- A row that `meridian verify` writes on the primary and waits for in every other region: what is
-- read there afterwards is not older than what was read on the primary before.
CREATE TABLE IF NOT EXISTS meridian.verify_mark (
  -- One for each run that is under way.
  run text PRIMARY KEY,
  mark bigint NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
