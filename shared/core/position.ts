/** Position in the history of the database: (epoch, endLsn), ordered in that order. */
import { noEpoch, parseEpoch, type Epoch } from './epoch.ts';
import { formatLsn, parseLsn, zeroLsn, type Lsn } from './lsn.ts';

export interface Position {
  readonly epoch: Epoch;
  /** End of the commit record in the WAL of the epoch's primary; 0 for the epoch's start. */
  readonly endLsn: Lsn;
}

export const zeroPosition: Position = { epoch: noEpoch, endLsn: zeroLsn };

/** Negative, zero or positive as `a` is before, at or after `b`. */
export function comparePositions(a: Position, b: Position): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  return a.endLsn < b.endLsn ? -1 : a.endLsn > b.endLsn ? 1 : 0;
}

/** Whether `a` is at or past `b`. */
export function isAtOrPast(a: Position, b: Position): boolean {
  return comparePositions(a, b) >= 0;
}

/** The later of two positions. */
export function laterPosition(a: Position, b: Position): Position {
  return isAtOrPast(a, b) ? a : b;
}

/** `<epoch>:<X/X>`, the text form in JSON, logs and control records. */
export function formatPosition(position: Position): string {
  return `${position.epoch}:${formatLsn(position.endLsn)}`;
}

/** The position written as `<epoch>:<X/X>`, or null. */
export function parsePosition(text: string): Position | null {
  const match = /^([0-9]{1,10}):(.+)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  const epoch = parseEpoch(Number(match[1]));
  const endLsn = parseLsn(match[2]);
  return epoch === null || endLsn === null ? null : { epoch, endLsn };
}
