/** Where a log begins whose first records are of a later time than the cluster's beginning. */
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Position } from '../../../shared/core/position.ts';

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
