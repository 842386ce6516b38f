/** What single statements of any region may see: each a moment of the one history of all. */
import { parsePosition } from '../../../shared/core/position.ts';
import { formatOperation } from './format.ts';
import { isVoid, placeOf, type Cuts, type LogPlace } from './log-order.ts';
import { answered, type Operation } from '../run/history.ts';

/** A sum that no transaction changes. Returns one line per violation. */
export function findWrongTotals(history: readonly Operation[], expected: number): string[] {
  return answered(history, 'total')
    .filter(({ output }) => output !== expected)
    .map((read) => `a snapshot does not add up: ${formatOperation(read)}`);
}

/** Counters as one statement saw them. */
export interface Counters {
  readonly cause: number;
  /** Never raised above a cause that its writer had read. */
  readonly effect: number;
  /** Raised by a writer that knows nothing of the others. */
  readonly apart: number;
}

/**
 * `pair` has seen counters; `raise` and `apart` answer the value that they have left. A standby
 * beside the primary shows writes that still wait to be confirmed: what such a read has seen is no
 * part of the history when its position lies beyond a later cut, as its token says when it is used.
 * A reply that names no position, being behind what its client knew, is of a node that is no
 * further back than it was.
 */
export function findSnapshotViolations(history: readonly Operation[], cuts: Cuts = []): string[] {
  const reads = readsOfHistory(answered(history, 'pair'), cuts);
  const effects = reads
    .filter(({ seen }) => seen.effect > seen.cause)
    .map(({ read }) => `an effect without its cause: ${formatOperation(read)}`);
  return [...effects, ...findForks(reads), ...findReversals(history, reads)];
}

/** Before everything: of a reply without a position of its own. */
const start = { epoch: 0, lsn: 0n };

interface Snapshot {
  readonly read: Operation;
  readonly seen: Counters;
}

function readsOfHistory(pairs: readonly Operation[], cuts: Cuts): Snapshot[] {
  const last = new Map<string | null, LogPlace>();
  return pairs
    .toSorted((a, b) => a.endedMs - b.endedMs)
    .flatMap((read) => {
      const { position = '', servedBy } = read;
      const place = placeOf(parsePosition(position)) ?? last.get(servedBy) ?? start;
      last.set(servedBy, place);
      return isVoid(place, cuts) ? [] : [{ read, seen: read.output as Counters }];
    });
}

/** Two readers who saw independent writes in opposite orders (long fork). */
function findForks(reads: readonly Snapshot[]): string[] {
  const sum = ({ seen }: Snapshot): number => seen.cause + seen.effect + seen.apart;
  const ordered = reads.toSorted((a, b) => sum(a) - sum(b));
  return ordered.slice(1).flatMap((after, index) => {
    const before = ordered[index] ?? after;
    const isOrdered = (['cause', 'effect', 'apart'] as const).every(
      (name) => before.seen[name] <= after.seen[name],
    );
    const both = [before, after].map(({ read }) => formatOperation(read));
    return isOrdered ? [] : [`seen in two orders: ${both.join(' and ')}`];
  });
}

/** A write that began after another had ended is seen, the other is not (causal reverse). */
function findReversals(history: readonly Operation[], reads: readonly Snapshot[]): string[] {
  const writes = [
    ...answered(history, 'raise').map((write) => ({ write, name: 'cause' as const })),
    ...answered(history, 'apart').map((write) => ({ write, name: 'apart' as const })),
  ];
  return reads.flatMap(({ read, seen }) => {
    const isSeen = ({ write, name }: (typeof writes)[number]): boolean =>
      (write.output as number) <= seen[name];
    const missed = writes.filter((one) => !isSeen(one)).map(({ write }) => write);
    const first = missed.toSorted((a, b) => a.endedMs - b.endedMs)[0];
    if (first === undefined) return [];
    const later = writes.filter(isSeen).find(({ write }) => write.startedMs > first.endedMs);
    if (later === undefined) return [];
    const [unseen, shown] = [first, later.write].map(formatOperation);
    return [`${shown} is seen, ${unseen} is not: ${formatOperation(read)}`];
  });
}
