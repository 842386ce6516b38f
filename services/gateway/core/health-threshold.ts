/** Turns check results into a verdict with hysteresis: so many in a row change it. */

export interface Thresholds {
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

export interface HealthState {
  readonly isHealthy: boolean;
  /** Results in a row that contradict the verdict. */
  readonly contrary: number;
}

/** `state` after one more result. */
export function recordCheck(state: HealthState, ok: boolean, thresholds: Thresholds): HealthState {
  if (ok === state.isHealthy) return state.contrary === 0 ? state : { ...state, contrary: 0 };
  const contrary = state.contrary + 1;
  const needed = ok ? thresholds.healthyAfter : thresholds.unhealthyAfter;
  return contrary >= needed
    ? { isHealthy: ok, contrary: 0 }
    : { isHealthy: state.isHealthy, contrary };
}

/**
 * Milliseconds until the next check: soon while a change is in the air, also when somebody else
 * has news that the verdict does not (`isDoubted`).
 */
export function nextCheckMs(
  state: HealthState,
  { intervalMs, recheckMs }: { readonly intervalMs: number; readonly recheckMs: number },
  isDoubted = false,
): number {
  return state.contrary > 0 || isDoubted ? Math.min(intervalMs, recheckMs) : intervalMs;
}
