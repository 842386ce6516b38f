/**
 * An adaptive limit on the requests under way: additive growth while latency stays near its usual
 * value, multiplicative cut when it rises or requests fail (TCP Vegas's idea applied to requests).
 */

export interface LimitPolicy {
  readonly min: number;
  readonly max: number;
  /** Multiple of the usual latency that is still fine. */
  readonly tolerance: number;
}

export interface LimitState {
  readonly limit: number;
  /** The usual latency in milliseconds; 0 while unknown. Falls fast, rises slowly. */
  readonly usualMs: number;
}

const cut = 0.9;
const fall = 0.3;
const rise = 0.002;
/** Under load latency says little of what is usual: it is believed very slowly. */
const riseUnderLoad = 0.000002;

/** Starts in the middle: high enough not to shed a healthy upstream's first burst. */
export function initialLimit(policy: LimitPolicy): LimitState {
  return { limit: Math.max(policy.min, Math.min(policy.max, policy.min * 10)), usualMs: 0 };
}

/** `state` after one reply, or a failure (`latencyMs` null), with `inFlight` requests under way. */
export function recordLatency(
  state: LimitState,
  reply: { readonly latencyMs: number | null; readonly inFlight: number },
  policy: LimitPolicy,
): LimitState {
  const { latencyMs, inFlight } = reply;
  if (latencyMs === null) return { ...state, limit: Math.max(policy.min, state.limit * cut) };
  const isSlow = state.usualMs > 0 && latencyMs > state.usualMs * policy.tolerance + 1;
  const usualMs =
    state.usualMs === 0 ? latencyMs : follow(state.usualMs, latencyMs, inFlight >= state.limit / 2);
  if (isSlow) {
    // One reply of many: a single slow one costs little, a slow upstream costs a tenth a round.
    const step = (state.limit * (1 - cut)) / Math.max(1, inFlight);
    return { limit: Math.max(policy.min, state.limit - step), usualMs };
  }
  if (inFlight < state.limit / 2) return { limit: state.limit, usualMs };
  return { limit: Math.min(policy.max, state.limit + 1 / Math.sqrt(state.limit)), usualMs };
}

/** Whether one more request may go out. */
export function admits(state: LimitState, inFlight: number): boolean {
  return inFlight < Math.floor(state.limit);
}

function follow(usualMs: number, latencyMs: number, isLoaded: boolean): number {
  const pace = latencyMs < usualMs ? fall : isLoaded ? riseUnderLoad : rise;
  return usualMs + pace * (latencyMs - usualMs);
}
