/** Random, in proportion to the weights. */
import type { Algorithm, Candidate } from './candidate.ts';

export const random: Algorithm<null> = {
  initial: null,
  choose: (candidates, _, draw) => ({ index: weightedIndex(candidates, draw.first), state: null }),
};

/** The candidate at the fraction `at` (0 to 1) of the sum of weights. */
export function weightedIndex(candidates: readonly Candidate[], at: number): number {
  let total = 0;
  for (const { weight } of candidates) total += weight;
  let rest = at * total;
  for (const [index, { weight }] of candidates.entries()) {
    rest -= weight;
    if (rest < 0) return index;
  }
  return candidates.length - 1;
}
