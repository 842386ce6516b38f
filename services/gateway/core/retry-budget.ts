/**
 * Keeps retries from multiplying load: over the last ten seconds at most a share of the requests,
 * and a few more so that a quiet gateway can retry at all.
 */

export interface RetryBudget {
  /** Counts one request. */
  record(nowMs: number): void;
  /** Takes one retry; false when the budget is spent. */
  take(nowMs: number): boolean;
  /** Retries that are left. */
  left(nowMs: number): number;
}

const seconds = 10;
const alwaysAllowed = 5;

/** A budget of `share` (0 to 1) of the requests. */
export function createRetryBudget(share: number): RetryBudget {
  const requests = new Float64Array(seconds);
  const retries = new Float64Array(seconds);
  let newest = 0;
  const at = (nowMs: number): number => {
    const second = Math.floor(nowMs / 1000);
    const from = Math.max(newest + 1, second - seconds + 1);
    for (let passed = from; passed <= second; passed += 1) {
      requests[passed % seconds] = 0;
      retries[passed % seconds] = 0;
    }
    newest = Math.max(newest, second);
    return newest % seconds;
  };
  const left = (): number => {
    const allowed = share === 0 ? 0 : alwaysAllowed + share * sum(requests);
    return Math.max(0, Math.floor(allowed - sum(retries)));
  };
  return {
    record(nowMs) {
      const slot = at(nowMs);
      requests[slot] = (requests[slot] ?? 0) + 1;
    },
    take(nowMs) {
      const slot = at(nowMs);
      if (left() < 1) return false;
      retries[slot] = (retries[slot] ?? 0) + 1;
      return true;
    },
    left(nowMs) {
      at(nowMs);
      return left();
    },
  };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
