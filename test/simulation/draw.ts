/** Random choices from one seed: the same seed draws the same, on every machine. */

export interface Draw {
  /** A number from 0 up to, not including, 1. */
  fraction(): number;
  /** A whole number from `low` up to and including `high`. */
  between(low: number, high: number): number;
  /** One of `choices`, which is not empty. */
  pick<T>(choices: readonly T[]): T;
  /** True once in 1 / `probability` draws. */
  happens(probability: number): boolean;
}

/** The generator sfc32 (Chris Doty-Humphrey's), 128 bits of state. */
export function createDraw(seed: number): Draw {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, Math.floor(seed / 2 ** 32) + 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 15; round += 1) next();
  const fraction = (): number => next() / 2 ** 32;
  const between = (low: number, high: number): number =>
    low + Math.floor(fraction() * (high - low + 1));
  return {
    fraction,
    between,
    pick: <T>(choices: readonly T[]): T => {
      if (choices.length === 0) throw new Error('nothing to pick from');
      return choices[between(0, choices.length - 1)] as T;
    },
    happens: (probability) => fraction() < probability,
  };
}
