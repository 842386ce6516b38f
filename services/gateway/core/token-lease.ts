/**
 * Rate limiting by leases: a gateway takes tokens of a shared bucket many at a time and spends
 * them without asking again. What a lease holds may be spent until it ends, so that all gateways
 * together overshoot a limit by at most one lease each. While the shared bucket is away each
 * gateway refills its last known level by itself: n gateways then pass at most n times the rate.
 */

export interface LeasePolicy {
  readonly perSecond: number;
  readonly burst: number;
}

export interface LeaseState {
  readonly tokens: number;
  /** Monotonic end of the tokens. */
  readonly untilMs: number;
  /** The bucket was empty: nothing is asked for before. */
  readonly emptyUntilMs: number;
}

export type LeaseVerdict =
  | { readonly kind: 'pass'; readonly state: LeaseState }
  | { readonly kind: 'refuse'; readonly retryAfterMs: number }
  /** The bucket must be asked. */
  | { readonly kind: 'ask' };

export const noLease: LeaseState = { tokens: 0, untilMs: 0, emptyUntilMs: 0 };

/** A lease covers this much of the rate. */
const leaseMs = 100;
/** Long enough that clients which ask now and then cost no command for each request. */
const leaseLifeMs = 10_000;

/**
 * Tokens that one lease asks for: a tenth of a second, at least 1, at most a tenth of the burst.
 */
export function leaseSize(policy: LeasePolicy): number {
  const perLease = Math.ceil((policy.perSecond * leaseMs) / 1000);
  return Math.max(1, Math.min(perLease, Math.ceil(policy.burst / 10)));
}

/** Spends one token, or says what else is to be done. */
export function spend(state: LeaseState, nowMs: number): LeaseVerdict {
  if (state.tokens >= 1 && nowMs < state.untilMs) {
    return { kind: 'pass', state: { ...state, tokens: state.tokens - 1 } };
  }
  if (nowMs < state.emptyUntilMs) {
    return { kind: 'refuse', retryAfterMs: state.emptyUntilMs - nowMs };
  }
  return { kind: 'ask' };
}

/** The state after the bucket has granted `tokens`; when none, it will have one in `waitMs`. */
export function granted(
  grant: { readonly tokens: number; readonly waitMs: number },
  nowMs: number,
): LeaseState {
  if (grant.tokens < 1) return { tokens: 0, untilMs: 0, emptyUntilMs: nowMs + grant.waitMs };
  return { tokens: grant.tokens, untilMs: nowMs + leaseLifeMs, emptyUntilMs: 0 };
}

export interface BucketState {
  readonly tokens: number;
  readonly atMs: number;
}

/** One token bucket in this process: the fallback while the shared one is away. */
export function takeFromBucket(
  state: BucketState | null,
  policy: LeasePolicy,
  nowMs: number,
): { readonly state: BucketState; readonly tokens: number; readonly waitMs: number } {
  const before = state ?? { tokens: policy.burst, atMs: nowMs };
  const refilled = before.tokens + ((nowMs - before.atMs) * policy.perSecond) / 1000;
  const full = Math.min(policy.burst, refilled);
  const tokens = Math.min(leaseSize(policy), Math.floor(full));
  const waitMs = tokens > 0 ? 0 : ((1 - full) / policy.perSecond) * 1000;
  return { state: { tokens: full - tokens, atMs: nowMs }, tokens, waitMs };
}
