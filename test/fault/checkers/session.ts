/** Session guarantees of clients that carry their position token from reply to request. */
import { formatOperation } from './format.ts';
import { groupBy, type Operation } from '../run/history.ts';

/**
 * Each key is a counter that one client alone raises; reads of that client must show its own
 * confirmed writes and never go back. Returns one line per violation.
 */
export function findSessionViolations(history: readonly Operation[]): string[] {
  const violations: string[] = [];
  for (const [client, operations] of groupBy(history, ({ client }) => client)) {
    let [floor, tried] = [0, 0];
    for (const operation of operations.toSorted((a, b) => a.startedMs - b.startedMs)) {
      if (operation.name === 'write') {
        if (operation.outcome !== 'failed') tried = Math.max(tried, operation.input as number);
        if (operation.outcome === 'ok') floor = Math.max(floor, operation.input as number);
        continue;
      }
      if (operation.outcome !== 'ok') continue;
      const value = (operation.output as number | null) ?? 0;
      if (value < floor) violations.push(`${client} knew ${floor}: ${formatOperation(operation)}`);
      if (value > tried) violations.push(`nobody wrote that: ${formatOperation(operation)}`);
      floor = Math.max(floor, value);
    }
  }
  return violations;
}
