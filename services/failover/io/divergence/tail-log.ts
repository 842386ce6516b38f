/**
 * Reads a region's own log beyond a position: committed transactions in order, large ones in parts.
 * A large transaction whose end the log does not hold was never committed and is left out.
 */
import { endPositionOf, type CommitRecord } from '../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../../shared/core/log-offset.ts';
import { zeroLsn, type Lsn } from '../../../../shared/core/lsn.ts';
import { isAtOrPast, type Position } from '../../../../shared/core/position.ts';
import { offsetAfter } from '../../../../shared/runtime/log-position.ts';
import type { DataLog } from '../../../../shared/ports/data-log.ts';

/** A transaction, or a part of a large one: all parts have the same position. */
export interface TailPart {
  readonly position: Position;
  readonly xid: number;
  readonly commitTimeUs: bigint;
  readonly isFirst: boolean;
  readonly messages: readonly Uint8Array[];
}

/** Everything of `log` after `after`, up to its present end. */
export async function* readTail(
  log: DataLog,
  after: Position,
  signal: AbortSignal,
): AsyncGenerator<TailPart> {
  const from = await offsetAfter(log, after, signal);
  const seen = new Set<string>();
  let large: { readonly xid: number; readonly end: Lsn } | null = null;
  for await (const { offset, record } of log.read(from, { follow: false, signal })) {
    if (record.kind === 'transactions') {
      const { epoch } = record;
      for (const { xid, endLsn, commitTimeUs, messages } of record.transactions) {
        const position = { epoch, endLsn };
        // A record may be in the log twice: it was sent again after an unknown outcome.
        if (isAtOrPast(after, position) || seen.has(keyOf(position))) continue;
        seen.add(keyOf(position));
        yield { position, xid, commitTimeUs, isFirst: true, messages };
      }
    } else if (record.kind === 'epoch-start') {
      // It counts as a transaction record, so that the end of the history can be one.
      const position = { epoch: record.epoch, endLsn: zeroLsn };
      const nothing = { xid: 0, commitTimeUs: record.timeUs, isFirst: false, messages: [] };
      if (!isAtOrPast(after, position)) yield { position, ...nothing };
    } else if (record.kind === 'chunk') {
      const { epoch, xid, part, commitTimeUs, messages, isLast } = record;
      if (part === 0) {
        const end = await endOfLarge(log, { offset, xid }, signal);
        large = end === null ? null : { xid, end };
      }
      if (large?.xid !== xid) continue;
      const position = { epoch, endLsn: large.end };
      const isNew = !isAtOrPast(after, position) && !seen.has(keyOf(position));
      if (isNew) yield { position, xid, commitTimeUs, isFirst: part === 0, messages };
      if (isLast) {
        seen.add(keyOf(position));
        large = null;
      }
    }
  }
}

export interface Covered {
  /** The log says of everything up to here what it held; `zeroLsn` when it says nothing. */
  readonly upTo: Lsn;
  /** End of its last whole transaction. */
  readonly last: Lsn;
  /** Whether it still has everything since `after`. */
  readonly isWhole: boolean;
}

/** What `log` has of `epoch` after `after`, as far as it has no record of a later one before. */
export async function coveredOf(
  log: DataLog,
  { epoch, after }: { readonly epoch: Epoch; readonly after: Position },
  signal: AbortSignal,
): Promise<Covered> {
  const { start } = await log.bounds();
  const from = await offsetAfter(log, after, signal);
  const hasBefore = start === 0n || from > start;
  const known = after.epoch === epoch ? after.endLsn : zeroLsn;
  let covered: Covered = { upTo: zeroLsn, last: zeroLsn, isWhole: hasBefore };
  for await (const { record } of log.read(from, { follow: false, signal })) {
    if (isLater(record, epoch)) break;
    if (record.epoch !== epoch) continue;
    const chained = chainedTo(record);
    const isFirst = chained !== null && covered.last === zeroLsn;
    const isWhole = covered.isWhole || (isFirst && chained <= known);
    const last = laterLsn(covered.last, endPositionOf(record)?.endLsn ?? zeroLsn);
    const upTo = laterLsn(covered.upTo, record.kind === 'idle' ? record.lsn : last);
    covered = { upTo, last, isWhole };
  }
  return covered;
}

/** The end of the transaction before the first one of `record`; null for one without any. */
function chainedTo(record: CommitRecord): Lsn | null {
  if (record.kind === 'chunk') return record.prevEndLsn;
  return record.kind === 'transactions' ? (record.transactions[0]?.prevEndLsn ?? null) : null;
}

/** Whether `record` tells that `epoch` had ended. A seal is of the epoch that it was given for. */
function isLater(record: CommitRecord, epoch: Epoch): boolean {
  return record.kind !== 'sealed' && record.epoch > epoch;
}

function laterLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}

function keyOf({ epoch, endLsn }: Position): string {
  return `${epoch}:${endLsn}`;
}

/** Where the large transaction that begins at `offset` was committed; null: nowhere. */
async function endOfLarge(
  log: DataLog,
  { offset, xid }: { readonly offset: LogOffset; readonly xid: number },
  signal: AbortSignal,
): Promise<Lsn | null> {
  let next = 0;
  for await (const { record } of log.read(offset, { follow: false, signal })) {
    if (record.kind !== 'chunk' || record.xid !== xid) continue;
    if (record.part !== next) return null;
    next += 1;
    if (record.isLast) return record.endLsn;
  }
  return null;
}
