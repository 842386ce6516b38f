/**
 * Outliers by success rate: an instance that fails clearly more often than the others of its
 * group, though never often enough in a row to be ejected for that. When all fail alike the fault
 * is not theirs, and nobody is an outlier.
 */

export interface CallCount {
  readonly id: string;
  readonly ok: number;
  readonly all: number;
}

export interface SuccessPolicy {
  /** How far below the others' median the share of good replies may be, 0 to 1. */
  readonly successMargin: number;
  /** Replies below which an instance is neither judged nor compared with. */
  readonly successCallsMin: number;
}

/** The ids of the outliers, the worst first. */
export function outliersOf(counts: readonly CallCount[], policy: SuccessPolicy): readonly string[] {
  const rates = counts
    .filter(({ all }) => all >= policy.successCallsMin)
    .map(({ id, ok, all }) => ({ id, rate: ok / all }));
  return rates
    .filter(({ id, rate }) => {
      const others = rates.filter((other) => other.id !== id).map((other) => other.rate);
      const usual = median(others);
      return usual !== null && rate < usual - policy.successMargin;
    })
    .toSorted((a, b) => a.rate - b.rate)
    .map(({ id }) => id);
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
