/** Figures of a measured run: percentiles, the longest pause, rates. */

/** The value below which `share` (0 to 1) of `values` lie, nearest rank; null of no values. */
export function percentile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? null;
}

export interface Pause {
  readonly fromMs: number;
  readonly toMs: number;
  readonly durationMs: number;
}

/**
 * The longest time between two neighbours of `timesMs` of which any part lies within the window;
 * null with fewer than two times. The times need no order.
 */
export function longestPause(
  timesMs: readonly number[],
  window: { readonly fromMs: number; readonly toMs: number },
): Pause | null {
  const sorted = Float64Array.from(timesMs).sort();
  let longest: Pause | null = null;
  for (let index = 1; index < sorted.length; index += 1) {
    const fromMs = sorted[index - 1] ?? 0;
    const toMs = sorted[index] ?? 0;
    if (toMs < window.fromMs || fromMs > window.toMs) continue;
    if (longest === null || toMs - fromMs > longest.durationMs) {
      longest = { fromMs, toMs, durationMs: toMs - fromMs };
    }
  }
  return longest;
}
