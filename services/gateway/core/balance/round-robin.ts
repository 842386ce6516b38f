/** Round robin: one after the other, whatever their weight. */
import type { Algorithm } from './candidate.ts';

export const roundRobin: Algorithm<number> = {
  initial: 0,
  choose(candidates, cursor) {
    const index = cursor % candidates.length;
    return { index, state: index + 1 };
  },
};
