/** Lists that clients append to: what reads of one list may show. */
import { formatOperation } from './format.ts';
import { groupBy, type Operation } from '../run/history.ts';

/**
 * All strong reads of a list are prefixes of the longest one; a confirmed append is in it once and
 * in every read that began later; a failed one is in none. Returns one line per violation.
 */
export function findAppendViolations(history: readonly Operation[]): string[] {
  return [...groupBy(history, ({ key }) => key).values()].flatMap(violationsOfList);
}

function violationsOfList(history: readonly Operation[]): string[] {
  const reads = history
    .filter(({ name, outcome }) => name === 'read' && outcome === 'ok')
    .map((operation) => ({ operation, items: (operation.output as number[] | null) ?? [] }))
    .toSorted((a, b) => b.items.length - a.items.length);
  const longest = reads[0]?.items ?? [];
  const place = new Map(longest.map((item, index) => [item, index]));
  const violations: string[] = [];
  if (place.size !== longest.length) violations.push(`an item is there twice: ${longest.join()}`);
  for (const { operation, items } of reads) {
    const isPrefix = items.every((item, index) => longest[index] === item);
    if (!isPrefix) violations.push(`no prefix of the longest read: ${formatOperation(operation)}`);
  }
  for (const append of history.filter(({ name }) => name === 'append')) {
    const index = place.get(append.input as number);
    if (append.outcome === 'failed' && index !== undefined) {
      violations.push(`failed, yet there: ${formatOperation(append)}`);
    }
    if (append.outcome !== 'ok') continue;
    for (const { operation, items } of reads) {
      if (operation.startedMs < append.endedMs) continue;
      if (index === undefined || items.length <= index) {
        violations.push(`${formatOperation(append)} is missing in ${formatOperation(operation)}`);
      }
    }
  }
  return violations;
}
