/** What happened in a run, counted; and how often it must have happened for the run to count. */

/** How often at least, per 1,000 seeds (the numbers; a fault kind: 100). */
export const leastPerThousand = {
  epochs: 7000,
  'confirmed writes': 90_000,
  'strong reads': 110_000,
  partitions: 100,
  'one-way cuts': 100,
  'control cuts': 100,
  crashes: 100,
  'pauses past the lease': 100,
  'node losses': 100,
  'lost storages': 100,
  switchovers: 100,
  'competing attempts': 100,
  'member changes': 100,
  'K changes': 100,
  'failovers during a lease': 100,
  'primaries gone': 100,
  'stalled logs': 100,
} as const;

const furtherFigures = [
  'announcements',
  'drained switchovers',
  'forced failovers',
  'late records',
  'policy changes',
  'diverged regions',
  'tails of old nodes',
  'token checks',
  'lost tokens',
  'stopped, something lost',
  'stopped, for safety',
] as const;

export type Figure = keyof typeof leastPerThousand | (typeof furtherFigures)[number];

export const figuresWithRates = Object.keys(
  leastPerThousand,
) as readonly (keyof typeof leastPerThousand)[];
const figures: readonly Figure[] = [...figuresWithRates, ...furtherFigures];

export class Totals {
  readonly #counts = new Map<Figure, number>();

  count(figure: Figure, times = 1): void {
    this.#counts.set(figure, (this.#counts.get(figure) ?? 0) + times);
  }

  of(figure: Figure): number {
    return this.#counts.get(figure) ?? 0;
  }

  /** As plain values, for another thread. */
  entries(): readonly (readonly [Figure, number])[] {
    return [...this.#counts];
  }

  add(entries: readonly (readonly [Figure, number])[]): void {
    for (const [figure, times] of entries) this.count(figure, times);
  }

  /** What happened too rarely in so many seeds. */
  shortfalls(seeds: number, leftOut: readonly Figure[]): readonly string[] {
    return figuresWithRates
      .filter((figure) => !leftOut.includes(figure))
      .map((figure) => ({ figure, least: (leastPerThousand[figure] * seeds) / 1000 }))
      .filter(({ figure, least }) => this.of(figure) < least)
      .map(({ figure, least }) => `${figure}: ${this.of(figure)}, not ${Math.ceil(least)}`);
  }

  toString(): string {
    return figures.map((figure) => `${this.of(figure).toLocaleString('en')} ${figure}`).join(', ');
  }
}
