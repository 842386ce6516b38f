/** Operations as the tests of the checkers write them. */
import type { Operation } from '../run/history.ts';

/** An operation from `startedMs` to `endedMs`. */
export function op(
  [name, input, output]: readonly [string, unknown, unknown],
  [startedMs, endedMs]: readonly [number, number],
  more: Partial<Operation> = {},
): Operation {
  const base = { client: 'c', region: 'r', key: 'k', outcome: 'ok', code: '' } as const;
  const served = { epoch: 1, servedBy: 'r' };
  return { ...base, ...served, name, input, output, startedMs, endedMs, ...more };
}

export const unknown = { outcome: 'unknown' } as const;
export const failed = { outcome: 'failed' } as const;
