/**
 * What the demo's open-loop workload sends: decided by the arrival's number alone, so that two
 * runs send the same. One arrival of ten is a write with a session read in another region behind
 * it, two are strong reads, the others eventual reads.
 */

export type Arrival =
  | {
      readonly kind: 'write';
      readonly cityId: number;
      /** Index of the region that must then show the write; never the writing one. */
      readonly readIn: number;
    }
  | { readonly kind: 'strong'; readonly cityId: number }
  | { readonly kind: 'eventual'; readonly cityId: number };

export interface WorkloadShape {
  readonly regions: number;
  readonly cities: number;
}

/** The `number`-th arrival at the region with index `region`. */
export function arrivalAt(region: number, number: number, shape: WorkloadShape): Arrival {
  const cityId = 1 + (scramble(number * shape.regions + region) % shape.cities);
  const turn = number % 10;
  if (turn === 3) {
    const step = shape.regions === 1 ? 0 : 1 + (Math.floor(number / 10) % (shape.regions - 1));
    return { kind: 'write', cityId, readIn: (region + step) % shape.regions };
  }
  return turn === 5 || turn === 8 ? { kind: 'strong', cityId } : { kind: 'eventual', cityId };
}

/** Arrivals of one region: their rate rises evenly from nothing, then stays. */
export interface Schedule {
  /** Arrivals per second once it has risen. */
  readonly perSecond: number;
  readonly risingMs: number;
}

/** How many arrivals are due `elapsedMs` after the start. */
export function arrivalsDue(elapsedMs: number, { perSecond, risingMs }: Schedule): number {
  const rising = Math.min(elapsedMs, risingMs);
  const arrivedRising = risingMs === 0 ? 0 : (rising * rising) / (2 * risingMs);
  return Math.floor(((arrivedRising + elapsedMs - rising) * perSecond) / 1000);
}

/** Milliseconds after the start at which the `number`-th arrival, from 1, is due. */
export function arrivalDueMs(number: number, { perSecond, risingMs }: Schedule): number {
  const steadyMs = (number * 1000) / perSecond;
  return steadyMs <= risingMs / 2 ? Math.sqrt(2 * risingMs * steadyMs) : steadyMs + risingMs / 2;
}

/** A 32-bit mix (finaliser of MurmurHash3): neighbours get unrelated values. */
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
