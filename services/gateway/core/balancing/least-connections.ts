/** Least connections: fewest requests under way for its weight; ties are drawn. */
import type { Algorithm } from './candidate.ts';

export const leastConnections: Algorithm<null> = {
  initial: null,
  choose(candidates, _, draw) {
    let best: number[] = [];
    let least = Infinity;
    for (const [index, { inFlight, weight }] of candidates.entries()) {
      const load = inFlight / weight;
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
