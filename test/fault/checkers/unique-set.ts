/** Rows inserted once each: what every region must hold in the end. */
import type { Operation } from '../run/history.ts';

/**
 * Confirmed rows are in `found` exactly once, failed ones not at all, unknown ones at most once.
 * `found` has an entry for each row that a region holds. Returns one line per violation.
 */
export function findSetViolations(
  history: readonly Operation[],
  found: readonly string[],
): string[] {
  const counts = new Map<string, number>();
  for (const id of found) counts.set(id, (counts.get(id) ?? 0) + 1);
  const inserted = history.filter(({ name }) => name === 'insert');
  const confirmed = new Set(
    inserted.flatMap(({ outcome, key }) => (outcome === 'ok' ? [key] : [])),
  );
  const open = new Set(
    inserted.flatMap(({ outcome, key }) => (outcome === 'unknown' ? [key] : [])),
  );
  const lost = [...confirmed].filter((id) => !counts.has(id)).map((id) => `lost: ${id}`);
  const wrong = [...counts].flatMap(([id, count]) => {
    if (count > 1) return [`${count} times: ${id}`];
    return confirmed.has(id) || open.has(id) ? [] : [`failed, yet there: ${id}`];
  });
  return [...lost, ...wrong];
}
