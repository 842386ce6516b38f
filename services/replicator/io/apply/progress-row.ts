/** The progress row of the region's own node, and the replication origin that guards its writer. */
import { parseEpoch } from '../../../../shared/core/epoch.ts';
import { formatLsn, parseLsn } from '../../../../shared/core/lsn.ts';
import { ownOrigin } from '../../../../shared/core/pgoutput/pgoutput-message.ts';
import type { Position } from '../../../../shared/core/position.ts';
import type { PgClient } from '../../../../shared/pg/client.ts';

export interface Progress {
  readonly position: Position;
  readonly store: string;
}

/** The progress row, or null when there is none. */
export async function readProgress(client: Pick<PgClient, 'query'>): Promise<Progress | null> {
  const { rows } = await client.query<Record<string, string>>(
    'SELECT epoch, end_lsn, store FROM meridian_local.progress',
  );
  const [row] = rows;
  if (row === undefined) return null;
  const epoch = parseEpoch(Number(row['epoch']));
  const endLsn = parseLsn(row['end_lsn'] ?? '');
  if (epoch === null || endLsn === null) throw new Error('the progress row cannot be read');
  return { position: { epoch, endLsn }, store: row['store'] ?? '' };
}

/** One session at a time may write as the origin; one that is left over is ended. */
export async function takeOrigin(client: PgClient): Promise<void> {
  await client.query(
    `SELECT pg_replication_origin_create('${ownOrigin}')
     WHERE pg_replication_origin_oid('${ownOrigin}') IS NULL`,
  );
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'meridian applier' AND pid <> pg_backend_pid()`,
  );
  await client.query(`SELECT pg_replication_origin_session_setup('${ownOrigin}')`);
}

/** Writes the progress row of a node that stands at `position`. */
export async function writeProgress(
  client: Pick<PgClient, 'query'>,
  position: Position,
  store: string,
): Promise<void> {
  await client.query(
    `INSERT INTO meridian_local.progress (epoch, end_lsn, store) VALUES ($1, $2, $3)
     ON CONFLICT (one_row) DO UPDATE SET epoch = excluded.epoch, end_lsn = excluded.end_lsn,
       store = excluded.store, updated_at = clock_timestamp()`,
    [position.epoch, formatLsn(position.endLsn), store],
  );
}
