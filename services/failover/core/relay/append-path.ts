/**
 * Which way a record goes into the control log. The own client of the log is the rule; another
 * region carries the record while the own way fails and its line to the log's leader holds.
 */

export interface PathFacts {
  readonly nowMs: number;
  /** When the own way failed last; null after an acknowledgement on it. */
  readonly ownFailedAtMs: number | null;
  /** When the way through other regions failed last; null after an acknowledgement on it. */
  readonly relayFailedAtMs: number | null;
  /** When the own way brought an entry last. */
  readonly ownEntryAtMs: number;
}

export type AppendPath = 'own' | 'relay';

/** Without an entry for so long the log is read through other regions too. */
export const readStallMs = 1500;
/** The own way is tried again no sooner after it failed: each try may take its whole deadline. */
const ownRestMs = 10_000;

/** An append that failed on one way is never repeated by itself: this is the way of the next. */
export function chooseAppendPath(facts: PathFacts): AppendPath {
  const { nowMs, ownFailedAtMs, relayFailedAtMs } = facts;
  if (ownFailedAtMs === null) return 'own';
  if (relayFailedAtMs !== null && relayFailedAtMs >= ownFailedAtMs) return 'own';
  const isBack = !isReadStalled(facts) && nowMs - ownFailedAtMs >= ownRestMs;
  return isBack ? 'own' : 'relay';
}

/**
 * Whether the own way brings nothing: a broker that is cut off from the others goes on answering
 * and has no news, so that its answers prove nothing.
 */
export function isReadStalled({
  nowMs,
  ownEntryAtMs,
}: Pick<PathFacts, 'nowMs' | 'ownEntryAtMs'>): boolean {
  return nowMs - ownEntryAtMs > readStallMs;
}
