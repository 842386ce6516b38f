/** A log that begins after what was asked of it: the one refusal that a seed mends. */
import { parsePosition, formatPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { LogOverrun } from '../../../shared/core/replication-report.ts';
import { isMeridianError, MeridianError } from '../../../shared/errors/meridian-error.ts';

/** Of the own log: what the own node lacks is not in it any more. */
export function ownLogBeginsLater(from: Position, begins: Position): MeridianError {
  const why = `the own log begins at ${formatPosition(begins)}, the node is at`;
  const details = { begins: formatPosition(begins) };
  return new MeridianError('LogUnavailable', `${why} ${formatPosition(from)}`, details);
}

/** Where the log that refused says that it begins; null when that was not the failure. */
export function beginningIn(error: unknown): Position | null {
  if (!isMeridianError(error, 'LogUnavailable')) return null;
  const { begins } = error.details;
  return typeof begins === 'string' ? parsePosition(begins) : null;
}

/** The same as a region reports it. */
export function overrunIn(error: unknown, own: RegionId): LogOverrun | null {
  const begins = beginningIn(error);
  if (begins === null || !isMeridianError(error)) return null;
  const { source } = error.details;
  return { begins, source: typeof source === 'string' ? (source as RegionId) : own };
}
