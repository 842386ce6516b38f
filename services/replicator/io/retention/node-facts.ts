/** What the nodes of the own region say for retention: how far standbys are, what slots keep. */
import type { NodeId } from '../../../../shared/core/node.ts';
import { parseLsn } from '../../../../shared/core/lsn.ts';
import type { Position } from '../../../../shared/core/position.ts';
import { ownSessionOptions, withPg } from '../../../../shared/pg/client.ts';
import type { KeptWal } from '../../core/log-alarms.ts';
import { readProgress } from '../apply/progress-row.ts';
import type { NodeTarget } from '../node-target.ts';

const session = {
  applicationName: 'meridian retention',
  options: `${ownSessionOptions} -c statement_timeout=5s`,
};

/**
 * What a promoted standby would have of the history. Of the node that leads `leadingEpoch` that is
 * its WAL; elsewhere the progress row, which is replayed only once it is on the standby's disk.
 */
export async function standbyPosition(
  target: NodeTarget,
  leadingEpoch: number | null,
): Promise<Position | null> {
  return withPg({ ...target, ...session }, async (client) => {
    const { rows } = await client.query<{ lsn: string | null }>(
      'SELECT pg_last_wal_replay_lsn() AS lsn',
    );
    const replayed = parseLsn(rows[0]?.lsn ?? '');
    const progress = await readProgress(client);
    if (replayed === null || progress === null) return null;
    const { epoch } = progress.position;
    return epoch === leadingEpoch ? { epoch, endLsn: replayed } : progress.position;
  });
}

const slotsSql = `
SELECT slot_name AS slot, coalesce(wal_status = 'lost', false)::text AS lost,
  coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::text AS bytes,
  (SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS megabytes_max
FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name`;

/** Every slot of the region's own node. */
export async function keptWal(target: NodeTarget): Promise<readonly KeptWal[]> {
  return withPg({ ...target, ...session }, async (client) => {
    const { rows } = await client.query<Record<string, string>>(slotsSql);
    return rows.map((row) => {
      const megabytesMax = Number(row['megabytes_max']);
      return {
        slot: row['slot'] ?? '',
        bytes: Number(row['bytes']),
        bytesMax: megabytesMax < 0 ? null : megabytesMax * 1024 * 1024,
        isLost: row['lost'] === 'true',
      };
    });
  });
}

export interface StandbyPlace {
  readonly id: NodeId;
  readonly target: NodeTarget;
}
