/** Time as the shell gives it to the core. */
export interface Clock {
  /** Monotonic milliseconds (CLOCK_MONOTONIC), with fractions; comparable on one machine only. */
  monotonicMs(): number;
  /** Wall-clock milliseconds since 1970, a label and a staleness stamp, never a lease. */
  wallMs(): number;
}
