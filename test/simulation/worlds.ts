/** The worlds that a seed can run in; `run.ts` asks for them by name. */
import { controllerSchedules } from './controllers/directed.ts';
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
    runSchedules(directedSchedules, plant, { ...options, rules: rulesWithout(plant) });
    return true;
  },
  /** Those of whole controllers. */
  'directed-controllers': ({ plant, ...options }: SeedRun): boolean => {
    runSchedules(controllerSchedules, plant, { ...options, rules: rulesOfControllers(plant) });
    return true;
  },
  /** One history of whole controllers, with a crash at each place of it in turn. */
  replay: ({ seed, totals, trace }: SeedRun): boolean =>
    replayCrash({ seed, totals, ...(trace !== undefined && { trace }) }),
} as const;

function runSchedules<Options>(
  schedules: Partial<Record<PlantName, (options: Options) => void>>,
  plant: PlantName | null,
  options: Options,
): void {
  const chosen = plant === null ? Object.values(schedules) : [schedules[plant]];
  for (const schedule of chosen) schedule?.(options);
}

/** What a world does not have yet, or is not about: no rate is asked of it there. */
export const figuresLeftOut: Readonly<Record<keyof typeof worlds, readonly Figure[]>> = {
  // It has no controllers that ask for a failover.
  protocol: ['failovers during a lease', 'primaries gone', 'stalled logs'],
  controllers: [],
  directed: figuresWithRates,
  'directed-controllers': figuresWithRates,
  replay: figuresWithRates,
};

export type WorldName = keyof typeof worlds;
export const worldNames = Object.keys(worlds) as readonly WorldName[];
