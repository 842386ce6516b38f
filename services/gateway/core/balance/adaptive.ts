/**
 * Adaptive: the better of two drawn candidates (power of two choices, Mitzenmacher 2001), judged
 * by smoothed latency × requests under way. A slow instance loses traffic within a few replies.
 */
import type { Algorithm, Candidate } from './candidate.ts';

export const adaptive: Algorithm<null> = {
  initial: null,
  choose(candidates, _, draw) {
    const count = candidates.length;
    const one = Math.floor(draw.first * count);
    const two = (one + 1 + Math.floor(draw.second * (count - 1))) % count;
    const a = candidates[one];
    const b = candidates[two];
    if (a === undefined || b === undefined) return { index: 0, state: null };
    return { index: costOf(b) < costOf(a) ? two : one, state: null };
  },
};

/** Expected wait behind the requests under way. Unknown latency counts as fast: it gets tried. */
export function costOf(candidate: Candidate): number {
  return (Math.max(candidate.latencyMs, 0.1) * (candidate.inFlight + 1)) / candidate.weight;
}
