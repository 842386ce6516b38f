/** The worlds that a seed can run in; `run.ts` asks for them by name. */
import { replayCrash } from './controllers/crash-replay.ts';
import { rulesOfControllers } from './controllers/rules.ts';
import { World as ControllersWorld } from './controllers/world.ts';
import { directedSchedules } from './protocol/directed.ts';
import { rulesWithout } from './protocol/planted-rules.ts';
import { World } from './protocol/world.ts';
import type { PlantName } from './plants.ts';
import { figuresWithRates, type Figure, type Totals } from './totals.ts';

export interface SeedRun {
  readonly seed: number;
  /** The rule left out; null: none. */
  readonly plant: PlantName | null;
  readonly totals: Totals;
  readonly trace?: (line: string) => void;
}

/**
 * Each runs one seed to its end and throws Violation when an invariant does not hold. False: the
 * world has no such seed, nor any after it.
 */
export const worlds = {
  /** Simulated regions around the real fold, quorum, lease and consistency. */
  protocol: ({ plant, ...options }: SeedRun): boolean => {
    new World({ ...options, rules: rulesWithout(plant) }).run();
    return true;
  },
  /** Whole regions: the real controllers over simulated nodes and replicators. */
  controllers: ({ plant, ...options }: SeedRun): boolean => {
    new ControllersWorld({ ...options, rules: rulesOfControllers(plant) }).run();
    return true;
  },
  /** The schedules written by hand: with a plant only its own, else all of them. */
  directed: ({ plant, ...options }: SeedRun): boolean => {
    const schedules =
      plant === null ? Object.values(directedSchedules) : [directedSchedules[plant]];
    for (const schedule of schedules) schedule?.({ ...options, rules: rulesWithout(plant) });
    return true;
  },
  /** One history of whole controllers, with a crash at each place of it in turn. */
  replay: ({ seed, totals, trace }: SeedRun): boolean =>
    replayCrash({ seed, totals, ...(trace !== undefined && { trace }) }),
} as const;

/** What a world does not have yet, or is not about: no rate is asked of it there. */
export const figuresLeftOut: Readonly<Record<keyof typeof worlds, readonly Figure[]>> = {
  // It has no controllers that ask for a failover.
  protocol: ['failovers during a lease', 'primaries gone'],
  controllers: [],
  directed: figuresWithRates,
  replay: figuresWithRates,
};

export type WorldName = keyof typeof worlds;
export const worldNames = Object.keys(worlds) as readonly WorldName[];
