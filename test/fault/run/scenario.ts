/** A row of the fault matrix: what is done to the cluster, and what the fault may cost. */
import type { Nemesis } from './nemesis.ts';

export interface Scenario {
  /** Row of the matrix, e.g. `N1`. */
  readonly id: string;
  readonly title: string;
  /** How many changes of primary it must and may cause: [fewest, most]. */
  readonly promotions: readonly [number, number];
  /** Workloads by id; all when absent. */
  readonly workloads?: readonly string[];
  /** A tail may be left that cannot be listed row by row, as its report says: W4a does not run. */
  readonly leavesUnlistable?: true;
  /**
   * Longest time, in milliseconds, in which no write at all is confirmed; null: not bounded. On a
   * busy machine everything takes longer: bounds here are for hangs, benchmarks show the figures.
   */
  readonly writePauseMaxMs: number | null;
  /** Whether it moves wall clocks: the cluster is then started so that it can. */
  readonly movesClocks?: true;
  /** Whether it takes too long for a run of all rows. */
  readonly isByNameOnly?: true;
  /** Does the faults and undoes them, while the workloads run. */
  act(nemesis: Nemesis): Promise<void>;
}
