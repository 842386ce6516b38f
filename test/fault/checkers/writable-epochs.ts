/** At most one epoch takes writes at any time, and at most one region in an epoch. */
import { formatOperation } from './format.ts';
import { isWrite, type Operation } from '../run/history.ts';

/**
 * Whoever writes of its own epoch, by its own lease, is told that epoch in the reply: after the
 * first write of a later epoch was answered, none that begins may be answered in an older one.
 * Returns one line per violation.
 */
export function findWritableEpochViolations(history: readonly Operation[]): string[] {
  const writes = history.filter(
    (one) => one.outcome === 'ok' && one.epoch !== null && isWrite(one),
  );
  const firstEnd = new Map<number, Operation>();
  const regions = new Map<number, Set<string>>();
  for (const write of writes) {
    const epoch = epochOf(write);
    const first = firstEnd.get(epoch);
    if (first === undefined || write.endedMs < first.endedMs) firstEnd.set(epoch, write);
    const servedBy = regions.get(epoch) ?? new Set();
    if (write.servedBy !== null) servedBy.add(write.servedBy);
    regions.set(epoch, servedBy);
  }
  const late = writes.flatMap((write) => {
    const newer = [...firstEnd.values()].find(
      (first) => epochOf(first) > epochOf(write) && first.endedMs < write.startedMs,
    );
    if (newer === undefined) return [];
    const both = [write, newer].map((one) => `epoch ${epochOf(one)}: ${formatOperation(one)}`);
    return [`two epochs take writes: ${both.join(' after ')}`];
  });
  const shared = [...regions].flatMap(([epoch, served]) =>
    served.size > 1 ? [`epoch ${epoch} took writes in ${[...served].join(' and ')}`] : [],
  );
  return [...late, ...shared];
}

function epochOf({ epoch }: Operation): number {
  return epoch ?? 0;
}
