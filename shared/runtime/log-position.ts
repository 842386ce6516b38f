/** Where a position is in a data log. */
import { endPositionOf } from '../core/commit-record.ts';
import type { LogOffset } from '../core/log-offset.ts';
import { isAtOrPast, type Position } from '../core/position.ts';
import type { DataLog } from '../ports/data-log.ts';

/**
 * Offset from which the log holds everything after `position`: binary search, since positions never
 * go back but for records that were sent twice.
 */
export async function offsetAfter(
  log: DataLog,
  position: Position,
  signal: AbortSignal,
): Promise<LogOffset> {
  const bounds = await log.bounds();
  let low: bigint = bounds.start;
  let high: bigint = bounds.end;
  while (low < high) {
    const middle = (low + high) / 2n;
    const next = await firstEndFrom(log, middle as LogOffset, signal);
    if (next !== null && isAtOrPast(position, next.end)) low = next.offset + 1n;
    else high = middle;
  }
  return low as LogOffset;
}

async function firstEndFrom(
  log: DataLog,
  offset: LogOffset,
  signal: AbortSignal,
): Promise<{ readonly end: Position; readonly offset: bigint } | null> {
  for await (const entry of log.read(offset, { follow: false, signal })) {
    // A seed record tells the end of what was before it, which may be repeated later on.
    const end = entry.record.kind === 'seed' ? null : endPositionOf(entry.record);
    if (end !== null) return { end, offset: entry.offset };
  }
  return null;
}
