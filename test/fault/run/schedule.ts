/** When faults come and go: drawn from the row's seed before it begins, so that it can be read. */

export interface Flap {
  readonly downMs: number;
  readonly upMs: number;
}

export interface FlapLimits {
  /** The flaps together last at least as long. */
  readonly forMs: number;
  readonly shortestMs: number;
  readonly longestMs: number;
}

export function drawFlaps(random: () => number, limits: FlapLimits): readonly Flap[] {
  const { forMs, shortestMs, longestMs } = limits;
  const draw = (): number => Math.round(shortestMs + random() * (longestMs - shortestMs));
  const flaps: Flap[] = [];
  for (let leftMs = forMs; leftMs > 0;) {
    const flap = { downMs: draw(), upMs: draw() };
    flaps.push(flap);
    leftMs -= flap.downMs + flap.upMs;
  }
  return flaps;
}

/** How long the rows of hours and of many minutes last; the environment may shorten them. */
export function rowMinutes(usual: number): number {
  return Number(process.env['MERIDIAN_FAULT_MINUTES'] ?? usual);
}
