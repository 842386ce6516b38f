/** Whether one more request may start in this process, and when a refused one should come back. */

export interface AdmissionFacts {
  readonly inFlight: number;
  readonly inFlightMax: number;
  readonly isDraining: boolean;
  /** Smoothed duration of requests. */
  readonly latencyMs: number;
}

export type AdmissionDecision =
  | { readonly kind: 'admit' }
  | { readonly kind: 'refuse'; readonly why: string; readonly retryAfterMs: number };

/** Refuses while draining and above the limit. */
export function decideAdmission(facts: AdmissionFacts): AdmissionDecision {
  if (facts.isDraining) {
    return { kind: 'refuse', why: 'this process is stopping', retryAfterMs: 1000 };
  }
  if (facts.inFlight < facts.inFlightMax) return { kind: 'admit' };
  const retryAfterMs = Math.min(5000, Math.max(100, Math.ceil(2 * facts.latencyMs)));
  return { kind: 'refuse', why: `${facts.inFlight} requests are under way`, retryAfterMs };
}
