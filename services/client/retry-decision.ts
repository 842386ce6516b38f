/**
 * Whether a failed request is sent again, and where. Only what is certainly undone, or may be done
 * twice without harm, is repeated.
 */
import type { Problem } from './client-error.ts';

export interface RetryFacts {
  readonly problem: Problem;
  /** It carries an Idempotency-Key, or the caller says that it only reads. */
  readonly isRepeatable: boolean;
  /** It is one call of an interactive transaction, which alone cannot be done again. */
  readonly isWithin: boolean;
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly leftMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

export type RetryDecision =
  | { readonly kind: 'give-up' }
  | { readonly kind: 'again'; readonly afterMs: number; readonly isElsewhere: boolean };

/** The server says of these that nothing was done. */
const undone = [
  'Draining',
  'NotPrimary',
  'RateLimited',
  'ConsistencyTimeout',
  'ReplicaUnavailable',
  'StaleEpoch',
  'CircuitOpen',
];

/** Nobody knows whether these were done: only a repeatable request is sent again. */
const unsure = ['NoReply', 'CommitOutcomeUnknown', 'UpstreamUnavailable', 'LeaseExpired'];

/** Whether what was asked may be done all the same. */
export function leavesDoubt({ code }: Pick<Problem, 'code'>): boolean {
  return unsure.includes(code);
}

/** Serialisation failure and deadlock: PostgreSQL rolled back and says "try again". */
const rolledBack = ['40001', '40P01'];

export function decideRetry(facts: RetryFacts): RetryDecision {
  const { problem, attempt, attemptsMax } = facts;
  const { code, sqlstate } = problem;
  const isSafe =
    (facts.isRepeatable && unsure.includes(code)) ||
    (facts.isWithin
      ? // With an SQLSTATE it is the transaction that is over, not the call that was refused.
        sqlstate === undefined && [...undone, 'OperationRunning'].includes(code)
      : undone.includes(code) || (sqlstate !== undefined && rolledBack.includes(sqlstate)));
  if (!isSafe || attempt >= attemptsMax) return { kind: 'give-up' };
  const ceilingMs = Math.min(2000, 25 * 2 ** attempt);
  const afterMs = Math.max(problem.retryAfterMs ?? 0, ceilingMs * (0.5 + facts.random / 2));
  if (afterMs >= facts.leftMs) return { kind: 'give-up' };
  const isElsewhere = problem.retry === 'elsewhere' || problem.code === 'NoReply';
  return { kind: 'again', afterMs, isElsewhere };
}
