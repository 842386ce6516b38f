/** Where a log begins whose first records are of a later time than the cluster's beginning. */
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import { comparePositions, type Position } from '../../../shared/core/position.ts';
import { clampToCuts, type ChainVerdict, type Cuts } from './chain-check.ts';

/**
 * Where the log begins, when that is too late for a reader at `from`; null when it is not. Asked
 * for the first records that the log has for it, until one of them moves the reader on.
 */
export function lateBeginning(
  from: Position,
  record: CommitRecord,
  of: { readonly verdict: ChainVerdict; readonly cuts: Cuts },
): Position | null {
  if (of.verdict.kind !== 'gap' && record.kind !== 'seed') return null;
  const before = positionBefore(record);
  if (before === null) return null;
  // A seed record may tell of an end that lies beyond a later cut: nobody needs what is void.
  const begins = clampToCuts(before, of.cuts.history);
  return comparePositions(begins, from) > 0 ? begins : null;
}

/** The position that a reader has to be at for `record`; null when any will do. */
export function positionBefore(record: CommitRecord): Position | null {
  switch (record.kind) {
    case 'seed':
      return record.position;
    case 'epoch-start':
      return record.cut;
    case 'transactions': {
      const [first] = record.transactions;
      return first === undefined ? null : { epoch: record.epoch, endLsn: first.prevEndLsn };
    }
    case 'chunk':
      return { epoch: record.epoch, endLsn: record.prevEndLsn };
    case 'idle':
    case 'sealed':
    case 'opened':
      return null;
    default:
      return record satisfies never;
  }
}
