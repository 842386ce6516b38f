/**
 * Whether the operations on one register could have happened one after the other, each between its
 * start and its end: the search of Wing and Gong with the memory of Lowe ("Testing for
 * Linearizability", 2016). An operation with an unknown outcome may take effect at any time after
 * its start, or never.
 */
import type { Operation } from '../run/history.ts';

export type RegisterValue = number | null;

interface Step {
  readonly operation: Operation;
  readonly bit: bigint;
  readonly endedMs: number;
}

/** Input of `read`: null; of `write`: the value; of `cas`: [expected, value], output: success. */
export function isLinearizable(history: readonly Operation[]): boolean {
  const steps = history
    .filter(({ name, outcome }) => outcome === 'ok' || (outcome === 'unknown' && name !== 'read'))
    .toSorted((a, b) => a.startedMs - b.startedMs)
    .map((operation, index): Step => {
      const endedMs = operation.outcome === 'ok' ? operation.endedMs : Infinity;
      return { operation, bit: 1n << BigInt(index), endedMs };
    });
  const needed = steps.reduce(
    (mask, step) => (step.endedMs < Infinity ? mask | step.bit : mask),
    0n,
  );
  const seen = new Set<string>();
  const pending: { readonly done: bigint; readonly value: RegisterValue }[] = [
    { done: 0n, value: null },
  ];
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    const { done, value } = state;
    if ((done & needed) === needed) return true;
    const key = `${done} ${value}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const left = steps.filter(({ bit }) => (done & bit) === 0n);
    const firstEndMs = Math.min(...left.map(({ endedMs }) => endedMs));
    for (const { operation, bit } of left) {
      if (operation.startedMs > firstEndMs) break;
      const next = apply(operation, value);
      if (next !== undefined) pending.push({ done: done | bit, value: next });
    }
  }
  return false;
}

/** The register's value after `operation`, undefined when it could not have answered as it did. */
function apply(operation: Operation, value: RegisterValue): RegisterValue | undefined {
  const { name, input, output, outcome } = operation;
  if (name === 'read') return output === value ? value : undefined;
  if (name === 'write') return input as number;
  const [expected, wanted] = input as [RegisterValue, number];
  const hits = value === expected;
  if (outcome === 'ok' && output !== hits) return undefined;
  return hits ? wanted : value;
}
