/** The worlds that a seed can run in; `run.ts` asks for them by name. */
import { rulesOfControllers } from './controllers/rules.ts';
import { World as ControllersWorld } from './controllers/world.ts';
import { directedSchedules } from './protocol/directed.ts';
import { rulesWithout } from './protocol/planted-rules.ts';
import { World } from './protocol/world.ts';
import type { PlantName } from './plants.ts';
import type { Totals } from './totals.ts';

export interface SeedRun {
  readonly seed: number;
  /** The rule left out; null: none. */
  readonly plant: PlantName | null;
  readonly totals: Totals;
  readonly trace?: (line: string) => void;
}

/** Each runs one seed to its end; throws Violation when an invariant does not hold. */
export const worlds = {
  /** Simulated regions around the real fold, quorum, lease and consistency. */
  protocol: ({ plant, ...options }: SeedRun): void => {
    new World({ ...options, rules: rulesWithout(plant) }).run();
  },
  /** Whole regions: the real controllers over simulated nodes and replicators. */
  controllers: ({ plant, seed, totals }: SeedRun): void => {
    new ControllersWorld({ seed, totals, rules: rulesOfControllers(plant) }).run();
  },
  /** The schedules written by hand: with a plant only its own, else all of them. */
  directed: ({ plant, ...options }: SeedRun): void => {
    const schedules =
      plant === null ? Object.values(directedSchedules) : [directedSchedules[plant]];
    for (const schedule of schedules) schedule?.({ ...options, rules: rulesWithout(plant) });
  },
} as const;

export type WorldName = keyof typeof worlds;
export const worldNames = Object.keys(worlds) as readonly WorldName[];
