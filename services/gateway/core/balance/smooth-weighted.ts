/**
 * Smooth weighted round robin (nginx's): each turn every candidate gains its weight, the one with
 * most is chosen and pays the sum. Shares follow the weights and never come in bursts.
 */
import type { Algorithm } from './candidate.ts';

export type Credits = ReadonlyMap<string, number>;

export const smoothWeighted: Algorithm<Credits> = {
  initial: new Map(),
  choose(candidates, credits) {
    const next = new Map<string, number>();
    let total = 0;
    let index = 0;
    let most = -Infinity;
    for (const [at, { id, weight }] of candidates.entries()) {
      const credit = (credits.get(id) ?? 0) + weight;
      next.set(id, credit);
      total += weight;
      if (credit > most) {
        most = credit;
        index = at;
      }
    }
    const chosen = candidates[index];
    if (chosen !== undefined) next.set(chosen.id, most - total);
    return { index, state: next };
  },
};
