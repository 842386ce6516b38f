/** Numbers from 0 to below 1, the same for the same seed (mulberry32, T. Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Two rows of numbers from one seed: how often the load draws does not change the faults. */
export function seededPair(seed: number): Record<'faults' | 'load', () => number> {
  return { faults: seededRandom(seed), load: seededRandom(seed ^ 0x5bd1e995) };
}
