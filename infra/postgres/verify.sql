-- A row that `meridian verify` writes on the primary and waits for in every other region: what is
-- read there afterwards is not older than what was read on the primary before.
CREATE TABLE IF NOT EXISTS meridian.verify_mark (
  one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
  mark text NOT NULL
);
