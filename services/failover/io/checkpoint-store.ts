/** The stored fold of the control log: a region starts from its own, a new one from another's. */
import type { PgClient } from '../../../shared/pg/client.ts';
import {
  decodeControlState,
  encodeControlState,
} from '../../../shared/core/control/control-state-codec.ts';
import { parseLogOffset } from '../../../shared/core/log-offset.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { OwnCheckpoint } from '../core/checkpoint-choice.ts';
import type { Checkpoint } from '../core/controller-input.ts';

interface StoredRow {
  readonly next_offset: string;
  readonly state: string;
  readonly log_id: string | null;
  readonly age_ms: string;
}

/** The stored checkpoint; null when there is none. Throws ProtocolViolation: of a newer version. */
export async function readCheckpoint(client: PgClient): Promise<OwnCheckpoint | null> {
  const { rows } = await client.query<StoredRow>(
    `SELECT next_offset::text, state::text, log_id,
       (1000 * extract(epoch FROM clock_timestamp() - written_at))::bigint::text AS age_ms
     FROM meridian_local.checkpoint`,
  );
  if (rows[0] === undefined) return null;
  const { next_offset: nextOffset, state, log_id: logId, age_ms: age } = rows[0];
  const decoded = decodeControlState(state);
  // Without it this version would fold on from an older one, and write that in its place.
  if (decoded.kind === 'unknownVersion') {
    const message = `The checkpoint of the control log cannot be read: ${decoded.why}.`;
    throw new MeridianError('ProtocolViolation', message, {
      hint: 'run the version of Meridian that ran here last',
    });
  }
  const checkpoint = checkpointOf(nextOffset, decoded);
  return checkpoint === null ? null : { checkpoint, logId, ageMs: Number(age) };
}

/**
 * Never goes back: a late write of an older fold changes nothing. `logId`: of the log that was
 * folded, null while it is not known.
 */
export async function writeCheckpoint(
  client: PgClient,
  checkpoint: Checkpoint,
  logId: string | null,
): Promise<void> {
  await client.query(
    `INSERT INTO meridian_local.checkpoint (next_offset, state, log_id) VALUES ($1, $2, $3)
     ON CONFLICT (one_row) DO UPDATE SET next_offset = excluded.next_offset,
       state = excluded.state, log_id = coalesce(excluded.log_id, checkpoint.log_id),
       written_at = clock_timestamp()
     WHERE checkpoint.next_offset <= excluded.next_offset`,
    [checkpoint.nextOffset.toString(), encodeControlState(checkpoint.state), logId],
  );
}

/** The checkpoint in texts as stored or as another region sent them; null: not readable here. */
export function decodeCheckpoint(offsetText: string, stateText: string): Checkpoint | null {
  return checkpointOf(offsetText, decodeControlState(stateText));
}

function checkpointOf(
  offsetText: string,
  decoded: ReturnType<typeof decodeControlState>,
): Checkpoint | null {
  const nextOffset = parseLogOffset(offsetText);
  if (nextOffset === null || decoded.kind !== 'state') return null;
  return { nextOffset, state: decoded.state };
}
