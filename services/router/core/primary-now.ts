/** What the primary says of its clock and its history, so that other regions prove freshness. */
import { parseEpoch, type Epoch } from '../../../shared/core/epoch.ts';
import { formatPosition, parsePosition, type Position } from '../../../shared/core/position.ts';

export interface PrimaryNow {
  readonly epoch: Epoch;
  readonly wallMs: number;
  /** Everything confirmed up to `ageMs` before this answer is at or below `position`. */
  readonly newest: { readonly position: Position; readonly ageMs: number } | null;
}

/** The JSON form. */
export function portableNow(now: PrimaryNow): unknown {
  const { newest } = now;
  return {
    ...now,
    newest: newest === null ? null : { ...newest, position: formatPosition(newest.position) },
  };
}

/** What was written by `portableNow`, or null. */
export function parseNow(body: unknown): PrimaryNow | null {
  if (typeof body !== 'object' || body === null) return null;
  const { epoch: epochValue, wallMs, newest } = body as Record<string, unknown>;
  const epoch = parseEpoch(epochValue);
  if (epoch === null || typeof wallMs !== 'number') return null;
  if (typeof newest !== 'object' || newest === null) return { epoch, wallMs, newest: null };
  const { position: text, ageMs } = newest as Record<string, unknown>;
  const position = typeof text === 'string' ? parsePosition(text) : null;
  if (position === null || typeof ageMs !== 'number') return { epoch, wallMs, newest: null };
  return { epoch, wallMs, newest: { position, ageMs } };
}
