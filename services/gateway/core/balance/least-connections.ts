/** Least connections: fewest requests under way for its weight; ties are drawn. */
import type { Algorithm, Candidate } from './candidate.ts';

export const leastConnections: Algorithm<null> = {
  initial: null,
  choose(candidates, _, draw) {
    let best: number[] = [];
    let least = Infinity;
    for (const [index, candidate] of candidates.entries()) {
      const load = loadOf(candidate);
      if (load < least) {
        least = load;
        best = [index];
      } else if (load === least) {
        best.push(index);
      }
    }
    return { index: best[Math.floor(draw.first * best.length)] ?? 0, state: null };
  },
};

/** Requests under way for each unit of weight. */
export function loadOf({ inFlight, weight }: Candidate): number {
  return inFlight / weight;
}
