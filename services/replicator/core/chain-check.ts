/**
 * Decides what a record is to a reader that stands at a position: new, known, void or a gap.
 * A reader skips what it has, stops at a gap, and drops what lies beyond the cut of a later epoch.
 */
import { assertNever } from '../../../shared/core/assert.ts';
import type { CommitRecord, LoggedTransaction } from '../../../shared/core/commit-record.ts';
import { isWithinCuts, type EpochCut } from '../../../shared/core/consistency.ts';
import { comparePositions, formatPosition, type Position } from '../../../shared/core/position.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';

/** Where a reader stands: after `position`, within a chunked transaction when `openXid` is set. */
export interface ChainPlace {
  readonly position: Position;
  readonly openXid: number | null;
  /** Next part of the open transaction. */
  readonly nextPart: number;
}

/** Records beyond the cut of an epoch after their own, up to `uptoEpoch`, are void. */
export interface Cuts {
  /** Every promotion folded so far. */
  readonly history: readonly EpochCut[];
  readonly uptoEpoch: Epoch;
}

export type ChainVerdict =
  /** The next transactions; `place` is where the reader stands after them. */
  | {
      readonly kind: 'transactions';
      readonly transactions: readonly LoggedTransaction[];
      /** Known ones before them: their relation messages still count. */
      readonly known: readonly LoggedTransaction[];
      readonly place: ChainPlace;
    }
  /** The next part of a large transaction; `restarts`: parts applied before are to be undone. */
  | { readonly kind: 'chunk'; readonly restarts: boolean; readonly place: ChainPlace }
  | { readonly kind: 'epoch-start'; readonly place: ChainPlace }
  | { readonly kind: 'idle'; readonly lsn: Lsn }
  /** Nothing to do: a duplicate, a record of this region alone, or void. */
  | { readonly kind: 'skip'; readonly why: 'known' | 'local' | 'void' }
  | { readonly kind: 'gap'; readonly why: string };

/** The place right after `position`, in no transaction. */
export function placeAt(position: Position): ChainPlace {
  return { position, openXid: null, nextPart: 0 };
}

/** What `record` is to a reader at `place`. */
export function checkChain(place: ChainPlace, record: CommitRecord, cuts: Cuts): ChainVerdict {
  switch (record.kind) {
    case 'seed':
    case 'sealed':
    case 'opened':
      return { kind: 'skip', why: 'local' };
    case 'idle':
      return checkIdle(place, record);
    case 'epoch-start':
      return checkEpochStart(place, record);
    case 'transactions':
      return checkTransactions(place, record, cuts);
    case 'chunk':
      return checkChunk(place, record, cuts);
    default:
      return assertNever(record);
  }
}

/** `position`, or the lowest cut of a later epoch that lies below it. */
export function clampToCuts(position: Position, history: readonly EpochCut[]): Position {
  let clamped = position;
  for (const { epoch, cut } of history) {
    if (epoch > Math.max(position.epoch, 1) && comparePositions(clamped, cut) > 0) clamped = cut;
  }
  return clamped;
}

function checkIdle(
  place: ChainPlace,
  record: Extract<CommitRecord, { kind: 'idle' }>,
): ChainVerdict {
  if (record.epoch !== place.position.epoch) return { kind: 'skip', why: 'known' };
  if (place.openXid !== null) return { kind: 'skip', why: 'known' };
  return { kind: 'idle', lsn: record.lsn };
}

function checkEpochStart(
  place: ChainPlace,
  record: Extract<CommitRecord, { kind: 'epoch-start' }>,
): ChainVerdict {
  if (record.epoch <= place.position.epoch) return { kind: 'skip', why: 'known' };
  const order = comparePositions(place.position, record.cut);
  const end: Position = { epoch: record.epoch, endLsn: 0n as Lsn };
  if (order === 0) return { kind: 'epoch-start', place: placeAt(end) };
  const start = formatPosition(record.cut);
  const where = `${formatPosition(place.position)}, the epoch starts at ${start}`;
  return { kind: 'gap', why: `${order < 0 ? 'records are missing' : 'diverged'}: at ${where}` };
}

function checkTransactions(
  place: ChainPlace,
  record: Extract<CommitRecord, { kind: 'transactions' }>,
  cuts: Cuts,
): ChainVerdict {
  const { epoch } = record;
  let end = place.position;
  if (followsWhole(end, record, cuts)) {
    const { transactions } = record;
    const endLsn = transactions.at(-1)?.endLsn ?? end.endLsn;
    return { kind: 'transactions', transactions, known: [], place: placeAt({ epoch, endLsn }) };
  }
  const known: LoggedTransaction[] = [];
  const next: LoggedTransaction[] = [];
  for (const transaction of record.transactions) {
    const position: Position = { epoch, endLsn: transaction.endLsn };
    if (comparePositions(position, end) <= 0) {
      known.push(transaction);
      continue;
    }
    if (!isWithinCuts(position, cuts.uptoEpoch, cuts.history)) break;
    if (epoch !== end.epoch || transaction.prevEndLsn !== end.endLsn) {
      return gap(end, epoch, transaction.prevEndLsn);
    }
    next.push(transaction);
    end = position;
  }
  if (next.length > 0)
    return { kind: 'transactions', transactions: next, known, place: placeAt(end) };
  return { kind: 'skip', why: known.length === record.transactions.length ? 'known' : 'void' };
}

/** Whether every transaction of the record comes next, one after the other, within the cuts. */
function followsWhole(
  end: Position,
  { epoch, transactions }: Extract<CommitRecord, { kind: 'transactions' }>,
  cuts: Cuts,
): boolean {
  const last = transactions.at(-1);
  if (last === undefined || epoch !== end.epoch) return false;
  let { endLsn } = end;
  for (const transaction of transactions) {
    if (transaction.prevEndLsn !== endLsn || transaction.endLsn <= endLsn) return false;
    endLsn = transaction.endLsn;
  }
  return isWithinCuts({ epoch, endLsn }, cuts.uptoEpoch, cuts.history);
}

function checkChunk(
  place: ChainPlace,
  record: Extract<CommitRecord, { kind: 'chunk' }>,
  cuts: Cuts,
): ChainVerdict {
  const { epoch, endLsn } = record;
  const { position } = place;
  // The end of a middle part is not known yet: it is after `prevEndLsn`.
  const reached: Position = { epoch, endLsn: endLsn ?? ((record.prevEndLsn + 1n) as Lsn) };
  if (comparePositions(reached, position) <= 0) return { kind: 'skip', why: 'known' };
  if (!isWithinCuts(reached, cuts.uptoEpoch, cuts.history)) return { kind: 'skip', why: 'void' };
  if (epoch !== position.epoch || record.prevEndLsn !== position.endLsn) {
    return gap(position, epoch, record.prevEndLsn);
  }
  const isNext = place.openXid === record.xid && record.part === place.nextPart;
  if (!isNext && record.part !== 0) {
    if (place.openXid === record.xid && record.part < place.nextPart) {
      return { kind: 'skip', why: 'known' };
    }
    return { kind: 'gap', why: `part ${record.part} of transaction ${record.xid} comes too early` };
  }
  const after =
    endLsn === null
      ? { position, openXid: record.xid, nextPart: record.part + 1 }
      : placeAt({ epoch, endLsn });
  return { kind: 'chunk', restarts: !isNext && place.openXid !== null, place: after };
}

function gap(at: Position, epoch: Epoch, prevEndLsn: Lsn): ChainVerdict {
  const after = formatPosition({ epoch, endLsn: prevEndLsn });
  return { kind: 'gap', why: `at ${formatPosition(at)}, the next record follows ${after}` };
}
