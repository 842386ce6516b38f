/** Where the absence of each rule shows: in which world, within how many seeds. */
import { plantNames, type PlantName } from './plants.ts';
import type { WorldName } from './worlds.ts';

export interface PlantSearch {
  readonly plant: PlantName;
  readonly world: WorldName;
  /** It must be noticed within so many seeds, counted from 0. */
  readonly seedsMax: number;
  /** Left to `--plants`: it takes too long for every test run. */
  readonly isSlow: boolean;
}

/** Too rare for chance: schedules of their own. */
const directed: ReadonlySet<PlantName> = new Set(['nocas', 'lateattempt', 'unsynced']);

/** The same, of whole controllers: chance showed none of them in 200 seeds. */
const directedInControllers: readonly PlantName[] = ['forget', 'final', 'nohello'];

/** Those that whole controllers show as well: quickly, and after more seeds. */
const quickInControllers: readonly PlantName[] = [
  'keepold',
  'noseal',
  'lineage',
  'token',
  'fewmembers',
  'ghost',
  'early',
  'unopened',
  'oldlease',
  'resume',
  'norelog',
];
const slowInControllers: readonly PlantName[] = ['ackall', 'lowk', 'anystore', 'remfast'];

export const plantSearches: readonly PlantSearch[] = [
  ...plantNames.map((plant): PlantSearch => {
    const isDirected = directed.has(plant);
    const world = isDirected ? 'directed' : 'protocol';
    return { plant, world, seedsMax: isDirected ? 50 : 1500, isSlow: false };
  }),
  ...directedInControllers.map((plant): PlantSearch => ({
    plant,
    world: 'directed-controllers',
    seedsMax: 50,
    isSlow: false,
  })),
  ...quickInControllers.map((plant) => inControllers(plant, 100, false)),
  ...slowInControllers.map((plant) => inControllers(plant, 400, true)),
];

function inControllers(plant: PlantName, seedsMax: number, isSlow: boolean): PlantSearch {
  return { plant, world: 'controllers', seedsMax, isSlow };
}
