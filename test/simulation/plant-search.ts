/** Where the absence of each rule shows: in which world, within how many seeds. */
import { plantNames, type PlantName } from './plants.ts';
import type { WorldName } from './worlds.ts';

export interface PlantSearch {
  readonly plant: PlantName;
  readonly world: WorldName;
  /** It must be noticed within so many seeds, counted from 0. */
  readonly seedsMax: number;
}

/** Too rare for chance: schedules of their own. */
const directed: ReadonlySet<PlantName> = new Set(['nocas', 'lateattempt']);

export const plantSearches: readonly PlantSearch[] = plantNames.map((plant) =>
  directed.has(plant)
    ? { plant, world: 'directed', seedsMax: 50 }
    : { plant, world: 'protocol', seedsMax: 1500 },
);
