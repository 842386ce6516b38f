/** What clients asked, when, and what they were told; one monotonic clock for all of them. */

/** `failed`: it was said that nothing happened. `unknown`: it may have happened, or still may. */
export type Outcome = 'ok' | 'failed' | 'unknown';

export interface Operation {
  /** Who asked: one at a time does one operation after the other. */
  readonly client: string;
  readonly region: string;
  readonly name: string;
  readonly key: string;
  readonly input: unknown;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly outcome: Outcome;
  /** What the reply said; null unless `ok`. */
  readonly output: unknown;
  /** The error's code; empty when `ok`. */
  readonly code: string;
  /** The reply's own position; absent when it told no later one than the request had. */
  readonly position?: string;
  /** Epoch of the reply's own position; null when it told no later one than the request had. */
  readonly epoch: number | null;
  /** Region of the node that answered; null unless `ok`. */
  readonly servedBy: string | null;
}

const reads = new Set(['read', 'total', 'pair', 'cause', 'batch']);

export function isWrite({ name }: Operation): boolean {
  return !reads.has(name);
}

/** Those of `history` that are called `name` and were answered. */
export function answered(history: readonly Operation[], name: string): Operation[] {
  return history.filter((operation) => operation.name === name && operation.outcome === 'ok');
}

/** Groups by what `keyOf` says, in order of first appearance. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
