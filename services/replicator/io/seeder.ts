/**
 * After a base backup: begins the own log with a copy of what the source's log holds up to where
 * the backup ends, closes it with a seed record and writes the progress row.
 */
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import {
  comparePositions,
  isAtOrPast,
  laterPosition,
  zeroPosition,
  type Position,
} from '../../../shared/core/position.ts';
import type { RegionLink } from '../../../shared/ports/region-link.ts';
import { packRecord } from '../../../shared/runtime/record-packing.ts';
import { endPositionOf } from '../../../shared/core/commit-record.ts';
import { beginningIn } from './log-refusal.ts';
import type { OwnLog } from './own-log.ts';

export interface SeedOptions {
  readonly ownLog: OwnLog;
  readonly link: RegionLink;
  readonly epoch: Epoch;
  /** Of the progress row inside the backup of a replica region; null for the primary's. */
  readonly position: Position | null;
  readonly recoveredTo: Lsn;
  readonly logQueueBytesMax: number;
}

/** Copies, closes, and returns the exact position of the backup with the new store's name. */
export async function seedLog(
  options: SeedOptions,
  signal: AbortSignal,
): Promise<{ readonly position: Position; readonly store: string }> {
  const { ownLog, epoch } = options;
  await ownLog.reset();
  const position = await copyRecords(options, signal);
  await ownLog.writer.whenBelow(0);
  if (signal.aborted) throw new Error('ended');
  const store = await ownLog.beginStore(position, epoch);
  return { position, store };
}

async function copyRecords(options: SeedOptions, signal: AbortSignal): Promise<Position> {
  const limit = options.position ?? { epoch: options.epoch, endLsn: options.recoveredTo };
  try {
    return await copyFrom(options, { from: zeroPosition, limit }, signal);
  } catch (error) {
    // The source was seeded or rescued itself: its log does not reach back to the beginning.
    const begins = beginningIn(error);
    if (begins === null || !isAtOrPast(limit, begins)) throw error;
    return copyFrom(options, { from: begins, limit }, signal);
  }
}

/** Appends everything up to `limit`; returns the last transaction at or below it. */
async function copyFrom(
  options: SeedOptions,
  of: { readonly from: Position; readonly limit: Position },
  signal: AbortSignal,
): Promise<Position> {
  const { ownLog, link, epoch, logQueueBytesMax } = options;
  let last = of.from;
  if (options.position !== null && comparePositions(options.position, of.from) === 0) {
    return of.from;
  }
  for await (const { record, bytes } of link.records(of.from, { epoch, signal })) {
    const kept = upTo(record, of.limit);
    if (kept !== null) {
      const stored = kept === record ? bytes : packRecord(kept);
      const { byteLength } = stored;
      ownLog.writer.append(stored).then(
        (offset) => ownLog.note({ record: kept, offset, byteLength }),
        () => undefined,
      );
      last = laterPosition(last, endPositionOf(kept) ?? last);
      await ownLog.writer.whenBelow(logQueueBytesMax);
    }
    const isExact = options.position !== null && isAtOrPast(last, options.position);
    if (isExact || isBeyond(record, of.limit)) return last;
  }
  throw new Error('the copy of the source’s log was ended');
}

/** The part of `record` that ends at or below `limit`, or null. */
function upTo(record: CommitRecord, limit: Position): CommitRecord | null {
  const end = endPositionOf(record);
  if (end === null || isAtOrPast(limit, end)) return isBeyond(record, limit) ? null : record;
  if (record.kind !== 'transactions') return null;
  const transactions = record.transactions.filter(({ endLsn }) =>
    isAtOrPast(limit, { epoch: record.epoch, endLsn }),
  );
  return transactions.length === 0 ? null : { ...record, transactions };
}

/** Whether `record` shows that nothing at or below `limit` follows. */
function isBeyond(record: CommitRecord, limit: Position): boolean {
  if (record.kind === 'idle') {
    return comparePositions({ epoch: record.epoch, endLsn: record.lsn }, limit) >= 0;
  }
  const end = endPositionOf(record);
  return end !== null && comparePositions(end, limit) > 0;
}
