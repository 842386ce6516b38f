/** Session guarantees of clients that carry their position token from reply to request. */
import { formatOperation } from './format.ts';
import { groupBy, type Operation } from '../run/history.ts';

/**
 * Each key is a counter that one client alone raises; reads of that client must show its own
 * confirmed writes and never go back, except to those writes once the client was told `WriteLost`:
 * it may have read what was not confirmed yet. Returns one line per violation.
 */
export function findSessionViolations(history: readonly Operation[]): string[] {
  const violations: string[] = [];
  for (const [client, operations] of groupBy(history, ({ client }) => client)) {
    let [floor, confirmed, tried] = [0, 0, 0];
    for (const operation of operations.toSorted((a, b) => a.startedMs - b.startedMs)) {
      if (operation.code === 'WriteLost') floor = confirmed;
      if (operation.name === 'write') {
        if (operation.outcome !== 'failed') tried = Math.max(tried, operation.input as number);
        if (operation.outcome === 'ok') confirmed = Math.max(confirmed, operation.input as number);
        floor = Math.max(floor, confirmed);
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
