/**
 * Whether the operations on one register could have happened one after the other, each between its
 * start and its end: the search of Wing and Gong with the memory of Lowe ("Testing for
 * Linearizability", 2016). An operation with an unknown outcome may take effect at any time after
 * its start, or never. Those whose value nobody saw are hidden: they matter to swaps that missed
 * alone, and hidden writes are as good as each other, so the one that began first is taken first.
 */
import type { Operation } from '../run/history.ts';

export type RegisterValue = number | null;

interface Step {
  readonly operation: Operation;
  readonly bit: bigint;
  readonly endedMs: number;
  readonly isHidden: boolean;
}

/** Stands for every value that nobody saw. */
const unseen = -1;

/** Input of `read`: null; of `write`: the value; of `cas`: [expected, value], output: success. */
export function isLinearizable(history: readonly Operation[]): boolean {
  const steps = stepsOf(history);
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
    let hasHiddenWrite = false;
    for (const { operation, bit, isHidden } of left) {
      if (operation.startedMs > firstEndMs) break;
      if (isHidden && operation.name === 'write') {
        if (hasHiddenWrite) continue;
        hasHiddenWrite = true;
      }
      const applied = apply(operation, value);
      const next = isHidden && applied !== value ? unseen : applied;
      if (next !== undefined) pending.push({ done: done | bit, value: next });
    }
  }
  return false;
}

function stepsOf(history: readonly Operation[]): readonly Step[] {
  const counted = history
    .filter(({ name, outcome }) => outcome === 'ok' || (outcome === 'unknown' && name !== 'read'))
    .toSorted((a, b) => a.startedMs - b.startedMs);
  const seen = new Set(counted.flatMap(valuesSeen));
  const missed = counted.filter((one) => one.name === 'cas' && one.output === false);
  const lastMissMs = Math.max(-Infinity, ...missed.map(({ endedMs }) => endedMs));
  return counted
    .map((operation) => ({
      operation,
      isHidden: operation.outcome === 'unknown' && !seen.has(valueOf(operation)),
    }))
    .filter(({ operation, isHidden }) => !isHidden || operation.startedMs <= lastMissMs)
    .map(({ operation, isHidden }, index): Step => {
      const endedMs = operation.outcome === 'ok' ? operation.endedMs : Infinity;
      return { operation, bit: 1n << BigInt(index), endedMs, isHidden };
    });
}

/** What an operation proves to have been there, or needs to be there. */
function valuesSeen({ name, input, output }: Operation): readonly unknown[] {
  if (name === 'read') return [output];
  return name === 'cas' ? [(input as unknown[])[0]] : [];
}

/** What a write or a swap leaves behind. */
function valueOf({ name, input }: Operation): unknown {
  return name === 'cas' ? (input as unknown[])[1] : input;
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
