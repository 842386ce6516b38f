/**
 * The lease: a time-bounded right to do strong work. The holder counts from before a renewal was
 * sent and stops early; others count from when they read it and start late (DESIGN.md section 5).
 */

export interface LeaseTimes {
  readonly ttlMs: number;
  readonly marginMs: number;
}

/** Monotonic time until which the holder may act on a renewal first sent at `sentAtMs`. */
export function holderValidUntilMs(sentAtMs: number, times: LeaseTimes): number {
  return sentAtMs + times.ttlMs - times.marginMs;
}

/** Monotonic time from which another region may call a renewal that it read at `readAtMs` over. */
export function expiredFromMs(readAtMs: number, times: LeaseTimes): number {
  return readAtMs + times.ttlMs + times.marginMs;
}
