/** Candidates and choices for tests of the balancing algorithms. */
import type { Algorithm, Candidate } from '../../services/gateway/core/balance/candidate.ts';

/** `u0`, `u1`, …: idle, with these weights (1 by default). */
export function candidates(count: number, weights: readonly number[] = []): Candidate[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `u${String(index)}`,
    weight: weights[index] ?? 1,
    inFlight: 0,
    latencyMs: 0,
  }));
}

/** The indexes of as many choices in a row as `turns` says, or gives draws for. */
export function choices<State>(
  algorithm: Algorithm<State>,
  from: readonly Candidate[],
  turns: number | { readonly count: number; readonly random: () => number },
): number[] {
  const { count, random } = typeof turns === 'number' ? { count: turns, random: () => 0 } : turns;
  let state = algorithm.initial;
  return Array.from({ length: count }, (_, turn) => {
    const draw = { first: random(), second: random(), key: `key-${String(turn)}` };
    const choice = algorithm.choose(from, state, draw);
    state = choice.state;
    return choice.index;
  });
}
