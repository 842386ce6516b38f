/**
 * Transactions of one to four reads and appends of lists, judged as strictly serializable: one
 * order of all explains every read, and nothing comes before what had ended when it began.
 */
import { formatOperation } from './format.ts';
import { findCircles, type Access } from './transaction-graph.ts';
import { groupBy, type Operation } from '../run/history.ts';

interface Judged {
  readonly operation: Operation;
  readonly accesses: readonly Access[];
}

interface Read {
  readonly key: string;
  readonly items: readonly number[];
  readonly judged: Judged;
}

/** Names an item among those of all lists. */
const nameOf = (key: string, item: number): string => `${key} ${item}`;

/**
 * Input: the accesses; output: the same with what they read, null unless answered. The last
 * operations may be reads of every list at rest. Returns one line per violation.
 */
export function findAppendViolations(history: readonly Operation[]): string[] {
  const all = history.map((operation): Judged => {
    const { input, output } = operation;
    return { operation, accesses: (output ?? input) as readonly Access[] };
  });
  const reads = all
    .filter(isAnswered)
    .flatMap((judged) =>
      judged.accesses.flatMap((one): Read[] =>
        one.kind === 'read' ? [{ key: one.key, items: one.items, judged }] : [],
      ),
    );
  return [
    ...[...groupBy(reads, ({ key }) => key).values()].flatMap(findForks),
    ...findWrongItems(all, reads),
    ...findMissing(all, reads),
    ...findCycles(all, reads),
  ];
}

/** All reads of a list are prefixes of the longest one, which has no item twice. */
function findForks(reads: readonly Read[]): string[] {
  const longest = longestOf(reads);
  const twice =
    new Set(longest).size === longest.length ? [] : [`an item is there twice: ${longest.join()}`];
  const forks = reads
    .filter(({ items }) => items.some((item, index) => longest[index] !== item))
    .map((read) => `no prefix of the longest read: ${formatOperation(read.judged.operation)}`);
  return [...twice, ...forks];
}

/** Nobody reads what failed, what nobody wrote, or the middle of another's transaction. */
function findWrongItems(all: readonly Judged[], reads: readonly Read[]): string[] {
  const writers = writersOf(all);
  return reads.flatMap(({ key, items, judged }) => {
    const what = formatOperation(judged.operation);
    const wrong = items.flatMap((item) => {
      const writer = writers.get(nameOf(key, item));
      if (writer === undefined) return [`nobody wrote ${item}: ${what}`];
      return writer.operation.outcome === 'failed' ? [`${item} failed, yet there: ${what}`] : [];
    });
    const last = items.at(-1);
    const writer = last === undefined ? undefined : writers.get(nameOf(key, last));
    const isOwn = writer === undefined || writer === judged;
    const isLast = isOwn || appendsTo(writer, key).at(-1) === last;
    return isLast ? wrong : [...wrong, `half of a transaction: ${what}`];
  });
}

/** A confirmed append is in every read that began after it had ended, and in the last one. */
function findMissing(all: readonly Judged[], reads: readonly Read[]): string[] {
  const byKey = groupBy(reads, ({ key }) => key);
  return all.filter(isAnswered).flatMap((judged) =>
    judged.accesses.flatMap((access) => {
      if (access.kind !== 'append') return [];
      const later = (byKey.get(access.key) ?? []).filter(
        (read) => read.judged.operation.startedMs > judged.operation.endedMs,
      );
      return later
        .filter(({ items }) => !items.includes(access.item))
        .map((read) => `${access.item} is missing in ${formatOperation(read.judged.operation)}`);
    }),
  );
}

/** What nobody was told of counts where somebody has seen it. */
function findCycles(all: readonly Judged[], reads: readonly Read[]): string[] {
  const seen = new Set(reads.flatMap(({ key, items }) => items.map((item) => nameOf(key, item))));
  const isSeen = ({ operation, accesses }: Judged): boolean =>
    operation.outcome === 'unknown' &&
    accesses.some((one) => one.kind === 'append' && seen.has(nameOf(one.key, one.item)));
  const counted = all.filter((one) => isAnswered(one) || isSeen(one));
  const circles = findCircles(
    counted.map((one) => ({
      startedMs: one.operation.startedMs,
      endedMs: isAnswered(one) ? one.operation.endedMs : Infinity,
      accesses: isAnswered(one)
        ? one.accesses
        : one.accesses.filter(({ kind }) => kind === 'append'),
    })),
  );
  return circles.map((circle) => {
    const steps = circle.map(({ from, why }) => {
      const operation = counted[from]?.operation;
      return operation === undefined ? why : `${formatOperation(operation)} (${why})`;
    });
    return `no order: ${steps.join(' < ')}`;
  });
}

function isAnswered({ operation }: Judged): boolean {
  return operation.outcome === 'ok';
}

function writersOf(all: readonly Judged[]): ReadonlyMap<string, Judged> {
  return new Map(
    all.flatMap((judged) =>
      judged.accesses.flatMap((one): [string, Judged][] =>
        one.kind === 'append' ? [[nameOf(one.key, one.item), judged]] : [],
      ),
    ),
  );
}

function appendsTo({ accesses }: Judged, key: string): number[] {
  return accesses.flatMap((one) => (one.kind === 'append' && one.key === key ? [one.item] : []));
}

function longestOf(reads: readonly Read[]): readonly number[] {
  return reads.reduce<readonly number[]>(
    (longest, { items }) => (items.length > longest.length ? items : longest),
    [],
  );
}
