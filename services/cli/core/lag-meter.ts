/**
 * Lag as a client sees it: from the reply to a numbered write until a read in another region shows
 * that number or a later one. It includes the read itself and the time to the next read, so it is
 * never better than the truth.
 */

export interface LagMeter {
  /** The write `number` was answered at `atMs`; numbers grow. */
  committed(number: number, atMs: number): void;
  /** A read served by `region` and answered at `atMs` showed `number`. */
  seen(region: string, number: number, atMs: number): void;
  /** Milliseconds, one for each write and region that showed it. */
  lagsMs(): readonly number[];
}

interface Waiting {
  readonly number: number;
  readonly atMs: number;
}

/** A meter for reads in `regions`; the one where a write was made may be among them. */
export function createLagMeter(regions: readonly string[]): LagMeter {
  const waiting = new Map<string, Waiting[]>(regions.map((region) => [region, []]));
  const newest = new Map<string, { number: number; atMs: number }>();
  const lags: number[] = [];
  return {
    committed(number, atMs) {
      for (const [region, queue] of waiting) {
        const shown = newest.get(region);
        // A replica may show a write before the primary has answered it.
        if (shown !== undefined && shown.number >= number) lags.push(0);
        else queue.push({ number, atMs });
      }
    },
    seen(region, number, atMs) {
      const queue = waiting.get(region);
      if (queue === undefined) return;
      if (number > (newest.get(region)?.number ?? -1)) newest.set(region, { number, atMs });
      while (queue[0] !== undefined && queue[0].number <= number) {
        lags.push(Math.max(0, atMs - queue[0].atMs));
        queue.shift();
      }
    },
    lagsMs: () => lags,
  };
}
