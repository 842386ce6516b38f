-- Meridian's own schemas, run by superuser meridian_owner in the database: when a node is made, and
-- again by every program that brings other SQL (services/local/postgres/schema.ts), so idempotent.
-- `meridian` is replicated; `meridian_local` is never made into records.

CREATE SCHEMA IF NOT EXISTS meridian AUTHORIZATION meridian_owner;
CREATE SCHEMA IF NOT EXISTS meridian_local AUTHORIZATION meridian_owner;

-- What these tables are, who can live with them, and which SQL made the functions.
CREATE TABLE IF NOT EXISTS meridian_local.schema_version (
  one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
  version integer NOT NULL,
  usable_from integer NOT NULL,
  digest text NOT NULL
);

-- How far this region has applied the history, changed in the same transaction as the rows.
CREATE TABLE IF NOT EXISTS meridian_local.progress (
  one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
  epoch integer NOT NULL,
  end_lsn pg_lsn NOT NULL,
  commit_time timestamptz,
  -- Names this region's data log.
  store text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The fence: who may write here. Checked by the last statement of every applied transaction.
CREATE TABLE IF NOT EXISTS meridian_local.fence (
  one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
  -- The region whose node this is; another region's in a base backup that is not adopted yet.
  region text NOT NULL DEFAULT '',
  -- The epoch this region promised itself to; applies of older folded epochs are refused.
  sealed_epoch integer NOT NULL DEFAULT 0,
  -- Newest incarnation of the controller that works on this node.
  incarnation text NOT NULL DEFAULT '',
  -- The epoch this node is open for as primary; null: closed to applications.
  open_epoch integer,
  -- The very start of the server that was opened.
  opened_start timestamptz,
  opened_checkpointer timestamptz,
  -- The newest epoch this node opened, and on which timeline.
  last_opened_epoch integer NOT NULL DEFAULT 0,
  last_opened_timeline integer NOT NULL DEFAULT 0
);
INSERT INTO meridian_local.fence DEFAULT VALUES ON CONFLICT DO NOTHING;

-- The fold of the control log, with the offset of the next record.
CREATE TABLE IF NOT EXISTS meridian_local.checkpoint (
  one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
  next_offset bigint NOT NULL,
  state jsonb NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Which log that is: Kafka's id of its topic. Null while it is not known.
ALTER TABLE meridian_local.checkpoint ADD COLUMN IF NOT EXISTS log_id text;

-- What the region's data log held when it was last looked at, so that a start need not read all of
-- it. Believed only when the log agrees (services/replicator/core/log-summary.ts).
CREATE TABLE IF NOT EXISTS meridian_local.log_summary (
  one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
  summary text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What a region held beyond the cut of `epoch`, row by row in the order of its log, until a person
-- discards it. It lives where history goes on, so that it survives the region that held it.
CREATE TABLE IF NOT EXISTS meridian.diverged (
  -- The region; of what one node alone held, the node: `<region>/pg-<n>`.
  region text NOT NULL,
  epoch integer NOT NULL,
  ordinal bigint NOT NULL,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Where the transaction ended in that region's history.
  own_epoch integer,
  end_lsn pg_lsn,
  xid bigint,
  committed_at timestamptz,
  -- insert, update, delete, truncate, ddl; unlistable: `why` says what could not be read.
  command text NOT NULL,
  table_schema text,
  table_name text,
  -- Values by column, each in PostgreSQL's text form.
  row_key jsonb,
  row_before jsonb,
  -- record, tail (an earlier row of this list) or primary (the row as it is there now).
  before_from text,
  row_after jsonb,
  -- yes: confirmed semi-sync or sync; no: never; unknown: it may have been.
  confirmed text NOT NULL,
  request_key text,
  request_caller text,
  why text,
  PRIMARY KEY (region, epoch, ordinal)
);

-- Reply of a request with an Idempotency-Key, stored with its data.
CREATE TABLE IF NOT EXISTS meridian.idempotency (
  key text PRIMARY KEY,
  caller text NOT NULL,
  request_hash text NOT NULL,
  reply jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- DDL, in order with the data: one row per captured command, replayed where it is applied. The
-- newest rows stay (`replicator.ddlRowsKept`); the primary deletes older ones like any other rows.
CREATE TABLE IF NOT EXISTS meridian.ddl (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  command_tag text NOT NULL,
  statement text NOT NULL,
  role_name text NOT NULL,
  search_path text NOT NULL,
  objects jsonb NOT NULL
);

-- Marks ahead of the primary's sequences: a promoted region goes on from them, so that it never
-- hands out a used value.
CREATE TABLE IF NOT EXISTS meridian.sequence_value (
  schema_name text NOT NULL,
  sequence_name text NOT NULL,
  last_value bigint NOT NULL,
  PRIMARY KEY (schema_name, sequence_name)
);

-- Routers prove with these two rows what a session reads, whatever its role; nothing in them is
-- secret.
GRANT USAGE ON SCHEMA meridian_local TO PUBLIC;
GRANT SELECT ON meridian_local.progress, meridian_local.fence TO PUBLIC;
-- The roles are made before this file runs.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'meridian_router') THEN
    GRANT USAGE ON SCHEMA meridian TO meridian_router;
    GRANT SELECT, INSERT, UPDATE, DELETE ON meridian.idempotency TO meridian_router;
  END IF;
END
$$;
