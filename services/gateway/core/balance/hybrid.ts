/**
 * Round robin and random together: every candidate once per round, each round in a new random
 * order. As even as round robin, and gateways that started together do not march in step.
 */
import type { Algorithm } from './candidate.ts';

/** Ids that are still due in this round. */
export type Round = readonly string[];

export const hybrid: Algorithm<Round> = {
  initial: [],
  choose(candidates, round, draw) {
    const known = new Map(candidates.map(({ id }, index) => [id, index]));
    const due = round.filter((id) => known.has(id));
    const pool = due.length > 0 ? due : candidates.map(({ id }) => id);
    const at = Math.min(pool.length - 1, Math.floor(draw.first * pool.length));
    const chosen = pool[at] ?? '';
    return { index: known.get(chosen) ?? 0, state: pool.filter((id) => id !== chosen) };
  },
};
