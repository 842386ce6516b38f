/**
 * Whether a failed attempt is made again: only what is safe to repeat, within attempts, deadline
 * and budget, after an exponential back-off with full jitter or the time the upstream asked for.
 */

export type Failure =
  /** No connection was made: the upstream has not seen the request. */
  | { readonly kind: 'not-sent' }
  /** Sent, then an error or a time-out before the reply head. */
  | { readonly kind: 'no-head' }
  /** A status that the route retries. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterMs: number | null };

export interface RetryRules {
  readonly attemptsMax: number;
  readonly statuses: readonly number[];
  readonly firstMs: number;
  readonly maxMs: number;
}

export interface AttemptFacts {
  readonly failure: Failure;
  /** Attempts made so far. */
  readonly attempts: number;
  readonly isIdempotent: boolean;
  /** The body can be sent again from its start. */
  readonly isReplayable: boolean;
  /** Until the deadline; Infinity without one. */
  readonly remainingMs: number;
  /** Uniform in [0, 1). */
  readonly draw: number;
  /** Takes from the retry budget; asked last, only when all else allows the retry. */
  readonly takeBudget: () => boolean;
}

export type RetryVerdict =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'give-up'; readonly why: GiveUp };

export type GiveUp = 'attempts' | 'unsafe' | 'body-gone' | 'deadline' | 'budget';

const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** RFC 9110, section 9.2.2; a request with an idempotency key may be repeated as well. */
export function isIdempotent(method: string, hasKey: boolean): boolean {
  return hasKey || idempotentMethods.has(method);
}

/** Judges one failed attempt. */
export function judgeRetry(facts: AttemptFacts, rules: RetryRules): RetryVerdict {
  const { failure } = facts;
  if (facts.attempts >= rules.attemptsMax) return giveUp('attempts');
  if (failure.kind !== 'not-sent' && !facts.isIdempotent) return giveUp('unsafe');
  if (!facts.isReplayable) return giveUp('body-gone');
  const ceilingMs = Math.min(rules.maxMs, rules.firstMs * 2 ** (facts.attempts - 1));
  const asked = failure.kind === 'status' ? failure.retryAfterMs : null;
  if (asked !== null && asked > rules.maxMs) return giveUp('deadline');
  const delayMs = Math.max(asked ?? 0, facts.draw * ceilingMs);
  if (delayMs >= facts.remainingMs) return giveUp('deadline');
  return facts.takeBudget() ? { kind: 'retry', delayMs } : giveUp('budget');
}

/** Milliseconds of a Retry-After value (RFC 9110, section 10.2.3); null when it is none. */
export function parseRetryAfter(value: string | undefined, wallMs: number): number | null {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - wallMs);
}

function giveUp(why: GiveUp): RetryVerdict {
  return { kind: 'give-up', why };
}
