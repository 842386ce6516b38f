/** The stored fold of the control log: a region starts from its own, a new one from another's. */
import type { PgClient } from '../../../shared/pg/client.ts';
import {
  decodeControlState,
  encodeControlState,
} from '../../../shared/core/control/control-state-codec.ts';
import { parseLogOffset } from '../../../shared/core/log-offset.ts';
import type { Checkpoint } from '../core/controller-input.ts';

/** The stored checkpoint; null when there is none that this version reads. */
export async function readCheckpoint(client: PgClient): Promise<Checkpoint | null> {
  const { rows } = await client.query<{ next_offset: string; state: string }>(
    'SELECT next_offset::text, state::text FROM meridian_local.checkpoint',
  );
  return rows[0] === undefined ? null : decodeCheckpoint(rows[0].next_offset, rows[0].state);
}

/** Never goes back: a late write of an older fold changes nothing. */
export async function writeCheckpoint(client: PgClient, checkpoint: Checkpoint): Promise<void> {
  await client.query(
    `INSERT INTO meridian_local.checkpoint (next_offset, state) VALUES ($1, $2)
     ON CONFLICT (one_row) DO UPDATE SET next_offset = excluded.next_offset,
       state = excluded.state, written_at = clock_timestamp()
     WHERE checkpoint.next_offset <= excluded.next_offset`,
    [checkpoint.nextOffset.toString(), encodeControlState(checkpoint.state)],
  );
}

/** The checkpoint in texts as stored or as another region sent them, or null. */
export function decodeCheckpoint(offsetText: string, stateText: string): Checkpoint | null {
  const nextOffset = parseLogOffset(offsetText);
  const decoded = decodeControlState(stateText);
  if (nextOffset === null || decoded.kind !== 'state') return null;
  return { nextOffset, state: decoded.state };
}
