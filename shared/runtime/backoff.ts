/**
 * Exponential back-off with full jitter (AWS architecture blog, "Exponential Backoff And Jitter").
 */

export interface Backoff {
  /** Milliseconds to wait before the next try. */
  nextMs(): number;
  /** To be called after a success. */
  reset(): void;
}

export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Waits from `firstMs / 2` on, doubling up to `maxMs`, each drawn from the upper half. */
export function createBackoff(limits: BackoffLimits, random: () => number = Math.random): Backoff {
  let ceilingMs = limits.firstMs;
  return {
    nextMs() {
      const waitMs = ceilingMs * (0.5 + random() / 2);
      ceilingMs = Math.min(limits.maxMs, ceilingMs * 2);
      return waitMs;
    },
    reset() {
      ceilingMs = limits.firstMs;
    },
  };
}
