/** Asks the region's own node, in one statement, everything that the controller decides on. */
import type { PgClient } from '../../../../shared/pg/client.ts';
import { parseEpoch } from '../../../../shared/core/epoch.ts';
import { parseLsn, zeroLsn, type Lsn } from '../../../../shared/core/lsn.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { DatabaseFacts, FenceFacts } from '../../core/controller-input.ts';
import { onlyRow } from '../node-connection.ts';
import { applicationBackend, applicationSession, runningApplication } from '../sessions.ts';

/** When the checkpointer started: it dies with every crash, the start time of the server stays. */
export const checkpointerStartSql = `(SELECT backend_start FROM pg_stat_activity
  WHERE backend_type = 'checkpointer')`;

const factsSql = `SELECT
  pg_postmaster_start_time()::text AS server_start,
  ${checkpointerStartSql}::text AS checkpointer_start,
  pg_is_in_recovery()::text AS in_recovery,
  CASE WHEN pg_is_in_recovery() THEN NULL
    ELSE pg_walfile_name(pg_current_wal_lsn()) END AS wal_file,
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_read_file(
    'pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history', 0, 1000000, true)
    END AS timeline_history,
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
    ELSE pg_current_wal_flush_lsn() END::text AS wal_end,
  (SELECT row_to_json(f) FROM (SELECT region, sealed_epoch, incarnation, open_epoch,
      opened_start::text, opened_checkpointer::text, last_opened_epoch, last_opened_timeline
    FROM meridian_local.fence) f)::text AS fence,
  (SELECT row_to_json(p) FROM (SELECT epoch, end_lsn::text, store
    FROM meridian_local.progress) p)::text AS progress,
  (SELECT coalesce(json_agg(s), '[]') FROM (SELECT slot_name AS name, active AS "isActive",
      coalesce(wal_status <> 'lost', false) AS "isSound"
    FROM pg_replication_slots
    WHERE slot_type = 'logical' AND slot_name ~ '^meridian_[0-9]+$') s)::text AS slots,
  (SELECT coalesce(json_agg(pubname), '[]') FROM pg_publication
    WHERE pubname ~ '^meridian_[0-9]+$')::text AS publications,
  current_setting('synchronous_standby_names') AS standby_names,
  (SELECT count(*) FROM pg_stat_activity WHERE ${applicationSession})::text AS sessions,
  (SELECT count(*) FROM pg_stat_activity
    WHERE ${applicationBackend} AND ${runningApplication})::text AS running`;

/** Everything about `node`, or an error of the connection. */
export async function readDatabaseFacts(client: PgClient, node: NodeId): Promise<DatabaseFacts> {
  const row = await onlyRow(client, factsSql);
  return {
    node,
    serverStart: row['server_start'] ?? '',
    checkpointerStart: row['checkpointer_start'] ?? '',
    isInRecovery: row['in_recovery'] === 'true',
    timeline: Number.parseInt((row['wal_file'] ?? '0').slice(0, 8), 16),
    timelineStart: timelineStartOf(row['timeline_history']),
    walEnd: lsnOf(row['wal_end']),
    fence: fenceOf(row['fence']),
    progress: progressOf(row['progress']),
    slots: JSON.parse(row['slots'] ?? '[]') as DatabaseFacts['slots'],
    publications: JSON.parse(row['publications'] ?? '[]') as string[],
    synchronousStandbyNames: row['standby_names'] ?? '',
    applicationSessions: Number(row['sessions']),
    runningTransactions: Number(row['running']),
  };
}

/** The switch point of the last line of a timeline's history file; null without such a file. */
function timelineStartOf(history: string | null | undefined): Lsn | null {
  const lines = (history ?? '').split('\n').filter((line) => /^[0-9]/.test(line));
  return parseLsn(lines.at(-1)?.split(/\s+/)[1] ?? '');
}

function fenceOf(text: string | null | undefined): FenceFacts {
  if (text === null || text === undefined) {
    throw new MeridianError('Divergence', 'the node has no fence row', {
      hint: 'meridian_local.fence must have its one row; see infra/postgres/bootstrap.sql',
    });
  }
  const row = JSON.parse(text) as {
    region: string;
    sealed_epoch: number;
    incarnation: string;
    open_epoch: number | null;
    opened_start: string | null;
    opened_checkpointer: string | null;
    last_opened_epoch: number;
    last_opened_timeline: number;
  };
  return {
    region: row.region,
    sealedEpoch: row.sealed_epoch,
    incarnation: row.incarnation,
    openEpoch: row.open_epoch,
    openedStart: row.opened_start,
    openedCheckpointer: row.opened_checkpointer,
    lastOpenedEpoch: row.last_opened_epoch,
    lastOpenedTimeline: row.last_opened_timeline,
  };
}

function progressOf(text: string | null | undefined): DatabaseFacts['progress'] {
  if (text === null || text === undefined) return null;
  const row = JSON.parse(text) as { epoch: number; end_lsn: string; store: string };
  const epoch = parseEpoch(row.epoch);
  if (epoch === null) throw new MeridianError('Divergence', 'the progress row has a bad epoch');
  return { position: { epoch, endLsn: lsnOf(row.end_lsn) }, store: row.store };
}

function lsnOf(text: string | null | undefined): Lsn {
  return parseLsn(text ?? '') ?? zeroLsn;
}
