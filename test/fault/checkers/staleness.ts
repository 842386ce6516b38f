/** Bounded staleness: a read shows everything that was confirmed longer ago than its bound. */
import { formatOperation } from './format.ts';
import type { Operation } from '../run/history.ts';

/**
 * `beat` writes ever greater numbers; `read` has the bound in milliseconds as its input and the
 * greatest number seen as its output. Returns one line per violation.
 */
export function findStaleReads(history: readonly Operation[]): string[] {
  const beats = history.filter(({ name, outcome }) => name === 'beat' && outcome === 'ok');
  return history
    .filter(({ name, outcome }) => name === 'read' && outcome === 'ok')
    .flatMap((read) => {
      const dueMs = read.startedMs - (read.input as number);
      const due = beats.filter(({ endedMs }) => endedMs <= dueMs);
      const newest = Math.max(0, ...due.map(({ input }) => input as number));
      const value = (read.output as number | null) ?? 0;
      return value >= newest ? [] : [`${newest} was due: ${formatOperation(read)}`];
    });
}
