/** Outlier ejection: an instance that fails real requests in a row is left alone for a while. */

export interface EjectionPolicy {
  readonly consecutiveFailures: number;
  readonly ejectionMs: number;
  readonly ejectionMsMax: number;
}

export interface EjectionState {
  readonly failures: number;
  /** Ejections since the last quiet time; each doubles the next one's length. */
  readonly ejections: number;
  /** Monotonic; 0 when never ejected. */
  readonly ejectedUntilMs: number;
}

export const neverEjected: EjectionState = { failures: 0, ejections: 0, ejectedUntilMs: 0 };

/** Whether the instance is ejected at `nowMs`. */
export function isEjected(state: EjectionState, nowMs: number): boolean {
  return nowMs < state.ejectedUntilMs;
}

/** `state` after one more outcome. `mayEject` is false when too many are ejected already. */
export function recordOutcome(
  state: EjectionState,
  outcome: { readonly ok: boolean; readonly mayEject: boolean; readonly nowMs: number },
  policy: EjectionPolicy,
): EjectionState {
  if (outcome.ok) {
    const isQuiet = outcome.nowMs > state.ejectedUntilMs + policy.ejectionMsMax;
    const ejections = isQuiet ? 0 : state.ejections;
    return state.failures === 0 && ejections === state.ejections
      ? state
      : { ...state, failures: 0, ejections };
  }
  // Late news of requests that were under way when it was ejected.
  if (isEjected(state, outcome.nowMs)) return state;
  const failures = state.failures + 1;
  if (failures < policy.consecutiveFailures || !outcome.mayEject) return { ...state, failures };
  return eject(state, outcome.nowMs, policy);
}

/** `state` with an ejection that begins now, twice as long as the one before. */
export function eject(state: EjectionState, nowMs: number, policy: EjectionPolicy): EjectionState {
  const lengthMs = Math.min(policy.ejectionMsMax, policy.ejectionMs * 2 ** state.ejections);
  return { failures: 0, ejections: state.ejections + 1, ejectedUntilMs: nowMs + lengthMs };
}
