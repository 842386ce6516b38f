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
} as const;

const furtherFigures = [
  'drained switchovers',
  'forced failovers',
  'late records',
  'policy changes',
  'diverged regions',
  'token checks',
  'lost tokens',
  'stopped, something lost',
  'stopped, for safety',
] as const;

export type Figure = keyof typeof leastPerThousand | (typeof furtherFigures)[number];

const figures: readonly Figure[] = [
  ...(Object.keys(leastPerThousand) as (keyof typeof leastPerThousand)[]),
  ...furtherFigures,
];

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
  shortfalls(seeds: number): readonly string[] {
    return Object.entries(leastPerThousand)
      .map(([figure, least]) => ({ figure, least: (least * seeds) / 1000 }))
      .filter(({ figure, least }) => this.of(figure as Figure) < least)
      .map(({ figure, least }) => `${figure}: ${this.of(figure as Figure)}, not ${least}`);
  }

  toString(): string {
    return figures.map((figure) => `${this.of(figure).toLocaleString('en')} ${figure}`).join(', ');
  }
}
