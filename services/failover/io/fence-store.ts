/**
 * The fence row and the progress row of the region's own node: who may write here, and up to where
 * history is applied. Each change is one transaction that checks what it rests on.
 */
import type { PgClient } from '../../../shared/pg/client.ts';
import { formatLsn, type Lsn } from '../../../shared/core/lsn.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { quoteIdent } from '../../../shared/pg/quote.ts';
import { inTransaction, onlyRow } from './node-connection.ts';
import { checkpointerStartSql } from './watch/node-facts.ts';
import { parseLsn } from '../../../shared/core/lsn.ts';
import { endApplicationSessions, endIdleSessions } from './sessions.ts';

/** Writes who works on this node: what older controllers still send is refused from then on. */
export async function takeNode(
  client: PgClient,
  owner: { readonly region: RegionId; readonly incarnation: string },
): Promise<void> {
  await client.query('UPDATE meridian_local.fence SET region = $1, incarnation = $2', [
    owner.region,
    owner.incarnation,
  ]);
}

export interface Opening {
  readonly epoch: Epoch;
  readonly timeline: number;
  readonly serverStart: string;
  readonly checkpointerStart: string;
  readonly incarnation: string;
}

/** Opens this very start of the server for `epoch`; throws StaleEpoch when it may not be. */
export async function openNode(client: PgClient, opening: Opening): Promise<void> {
  await inTransaction(client, async () => {
    // The update of the fence takes its row lock before the progress row is touched.
    const opened = await client.query(
      `UPDATE meridian_local.fence SET open_epoch = $1,
         opened_start = pg_postmaster_start_time(), opened_checkpointer = ${checkpointerStartSql}
       WHERE sealed_epoch <= $1 AND incarnation = $2
         AND pg_postmaster_start_time()::text = $3 AND ${checkpointerStartSql}::text = $4`,
      [opening.epoch, opening.incarnation, opening.serverStart, opening.checkpointerStart],
    );
    if (opened.rowCount !== 1) throw refused('open', opening.epoch);
    await client.query(
      `INSERT INTO meridian_local.progress (epoch, end_lsn, store)
       SELECT $1, '0/0', '' FROM meridian_local.fence WHERE last_opened_epoch <> $1
       ON CONFLICT (one_row) DO UPDATE
         SET epoch = $1, end_lsn = '0/0', commit_time = NULL, updated_at = clock_timestamp()`,
      [opening.epoch],
    );
    await client.query(
      'UPDATE meridian_local.fence SET last_opened_epoch = $1, last_opened_timeline = $2',
      [opening.epoch, opening.timeline],
    );
  });
}

/** Start of a switchover: no new sessions, idle ones end, running transactions go on. */
export async function drainNode(client: PgClient): Promise<void> {
  await closeLogins(client);
  await endIdleSessions(client);
}

/**
 * The promise to `epoch`. Returns the WAL end once no application session was left: every commit
 * of this node so far is below it, and on disk.
 */
export async function sealNode(client: PgClient, epoch: Epoch): Promise<Lsn> {
  await client.query(
    `UPDATE meridian_local.fence SET sealed_epoch = greatest(sealed_epoch, $1), open_epoch = NULL`,
    [epoch],
  );
  await endApplicationSessions(client);
  // A commit record that is not flushed yet cannot be decoded: this commit flushes what is before.
  await client.query('UPDATE meridian_local.fence SET sealed_epoch = sealed_epoch');
  const row = await onlyRow(client, 'SELECT pg_current_wal_flush_lsn()::text AS wal_end');
  const walEnd = parseLsn(row['wal_end'] ?? '');
  if (walEnd === null) throw new Error('the node did not tell its WAL end');
  return walEnd;
}

/** Takes the door out of its hinges: no login, no application session left. */
export async function closeNode(client: PgClient): Promise<void> {
  await closeLogins(client);
  await endApplicationSessions(client);
}

/**
 * Of an old primary whose tail is empty: from then on its position is the progress row, and what
 * published its own epochs is gone. A publication left behind would refuse to let the applier
 * delete from tables without a replica identity.
 */
export async function setProgress(client: PgClient, position: Position): Promise<void> {
  await inTransaction(client, async () => {
    const fence = await client.query(
      'UPDATE meridian_local.fence SET last_opened_epoch = 0 WHERE open_epoch IS NULL',
    );
    if (fence.rowCount !== 1) throw refused('set the progress of', position.epoch);
    await writeProgress(client, position);
    await dropPublications(client);
  });
  await dropIdleSlots(client);
}

/** Makes a base backup this region's own; `recoveredTo` is where its recovery ended. */
export async function adoptSeed(
  client: PgClient,
  seed: { readonly region: RegionId; readonly recoveredTo: Lsn },
): Promise<void> {
  await inTransaction(client, async () => {
    const position = `CASE WHEN p.end_lsn = '0/0' AND p.epoch = f.last_opened_epoch
      THEN $1::pg_lsn ELSE p.end_lsn END`;
    await client.query(
      `UPDATE meridian_local.progress p SET end_lsn = ${position}, store = '',
         updated_at = clock_timestamp()
       FROM meridian_local.fence f`,
      [formatLsn(seed.recoveredTo)],
    );
    await client.query(
      `UPDATE meridian_local.fence SET region = $1, incarnation = '', sealed_epoch = 0,
         open_epoch = NULL, opened_start = NULL, opened_checkpointer = NULL,
         last_opened_epoch = 0, last_opened_timeline = 0`,
      [seed.region],
    );
    await client.query('DELETE FROM meridian_local.checkpoint');
  });
  await dropIdleSlots(client);
  await dropPublications(client);
}

async function dropIdleSlots(client: PgClient): Promise<void> {
  await client.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE slot_type = 'logical' AND slot_name ~ '^meridian_[0-9]+$' AND NOT active`);
}

async function dropPublications(client: PgClient): Promise<void> {
  const found = await client.query<{ pubname: string }>(
    `SELECT pubname FROM pg_publication WHERE pubname ~ '^meridian_[0-9]+$'`,
  );
  for (const { pubname } of found.rows) {
    await client.query(`DROP PUBLICATION IF EXISTS ${quoteIdent(pubname)}`);
  }
}

async function closeLogins(client: PgClient): Promise<void> {
  await client.query('UPDATE meridian_local.fence SET open_epoch = NULL');
}

async function writeProgress(client: PgClient, position: Position): Promise<void> {
  await client.query(
    `INSERT INTO meridian_local.progress (epoch, end_lsn, store) VALUES ($1, $2, '')
     ON CONFLICT (one_row) DO UPDATE SET epoch = excluded.epoch, end_lsn = excluded.end_lsn,
       updated_at = clock_timestamp()`,
    [position.epoch, formatLsn(position.endLsn)],
  );
}

function refused(what: string, epoch: Epoch): MeridianError {
  return new MeridianError('StaleEpoch', `the fence refuses to ${what} the node`, { epoch });
}
