/**
 * The simulation's command line (README.md beside this file). Its last line is `N passed, N
 * failed`: one for each world, one for each plant.
 */
import { parseArgs } from 'node:util';
import { plantSearches, type PlantSearch } from './plant-search.ts';
import { isPlantName, plants, type PlantName } from './plants.ts';
import { whyNotSame } from './replays.ts';
import { Totals } from './totals.ts';
import { runTask } from './worker.ts';
import { WorkerPool, type CampaignResult } from './worker-pool.ts';
import { figuresLeftOut, worldNames, worlds, type WorldName } from './worlds.ts';

/** Budget of `npm test`: each world's share of the seconds, and how many seeds it needs. */
const shares: Readonly<Record<WorldName, { readonly part: number; readonly seedsMin: number }>> = {
  protocol: { part: 0.4, seedsMin: 500 },
  controllers: { part: 0.45, seedsMin: 50 },
  directed: { part: 0.015, seedsMin: 10 },
  'directed-controllers': { part: 0.015, seedsMin: 10 },
  // All there are.
  replay: { part: 0.12, seedsMin: 10_000 },
};
const defaultSeconds = 70;
/** Below that many seeds, rates say little. */
const seedsForRates = 100;

interface Wish {
  readonly worlds: readonly WorldName[];
  readonly first: number;
  /** Null: as many as the seconds allow. */
  readonly seeds: number | null;
  readonly seconds: number | null;
}

let passed = 0;
let failed = 0;
/** Of every world that was run. */
const whole = { worlds: 0, seeds: 0, violations: 0, totals: new Totals() };
process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      first: { type: 'string', default: '0' },
      seconds: { type: 'string' },
      world: { type: 'string' },
      plant: { type: 'string' },
      plants: { type: 'boolean', default: false },
      'seed-only': { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  const plant = readPlant(values.plant);
  const wish: Wish = {
    worlds: readWorlds(values.world),
    first: Number(values.first),
    seeds: values.seeds === undefined ? null : Number(values.seeds),
    seconds: values.seconds === undefined ? null : Number(values.seconds),
  };
  if (values['seed-only'] !== undefined) {
    runOne(Number(values['seed-only']), wish.worlds, { plant, isTraced: values.trace });
  } else {
    await withPool(async (pool) => {
      if (plant !== null) await searchNamed(pool, plant, wish);
      else if (values.plants) await searchAll(pool, { withSlow: true });
      else await runWorlds(pool, wish);
      const isPart = plant !== null || values.plants || values.world !== undefined;
      const isWhole = !isPart && wish.seeds === null;
      if (isWhole) await searchAll(pool, { withSlow: false });
      if (isWhole) checkReplays(wish);
    });
  }
  if (whole.worlds > 1) console.log(closingLine());
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** One seed of each world, twice. */
function checkReplays({ worlds: names, first }: Wish): void {
  for (const world of names) {
    const why = whyNotSame(world, first);
    console.log(`${world}: seed ${first} again is ${why === null ? 'the same' : `OTHER: ${why}`}`);
    judge(why === null);
  }
}

function closingLine(): string {
  const { seeds, violations, totals } = whole;
  const figures = (['epochs', 'confirmed writes', 'strong reads'] as const).map(
    (figure) => `${totals.of(figure).toLocaleString('en')} ${figure}`,
  );
  const parts = [`${seeds.toLocaleString('en')} seeds`, ...figures, `${violations} violations`];
  return `\nall worlds: ${parts.join(', ')}`;
}

async function withPool(use: (pool: WorkerPool) => Promise<void>): Promise<void> {
  const pool = new WorkerPool();
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

async function runWorlds(pool: WorkerPool, wish: Wish): Promise<void> {
  for (const world of wish.worlds) {
    const { part, seedsMin } = shares[world];
    const budget = (wish.seconds ?? defaultSeconds) * (wish.worlds.length > 1 ? part : 1);
    // Asked for a number of seeds, the time does not matter unless it is given too.
    const seconds = wish.seeds !== null && wish.seconds === null ? Infinity : budget;
    const seeds = wish.seeds ?? Infinity;
    const startedMs = performance.now();
    let result = await pool.run({ world, plant: null, first: wish.first, seeds, seconds });
    if (wish.seeds === null && result.finding === null && result.seeds < seedsMin) {
      result = await runRest(pool, { world, first: wish.first, seedsMin }, result);
    }
    report(world, result, (performance.now() - startedMs) / 1000);
  }
}

/** A slow machine takes longer rather than proving less. */
async function runRest(
  pool: WorkerPool,
  goal: { readonly world: WorldName; readonly first: number; readonly seedsMin: number },
  before: CampaignResult,
): Promise<CampaignResult> {
  const rest = await pool.run({
    world: goal.world,
    plant: null,
    first: goal.first + before.seeds,
    seeds: goal.seedsMin - before.seeds,
    seconds: Infinity,
  });
  const totals = new Totals();
  totals.add(before.totals.entries());
  totals.add(rest.totals.entries());
  return { seeds: before.seeds + rest.seeds, totals, finding: rest.finding };
}

function report(world: WorldName, { seeds, totals, finding }: CampaignResult, s: number): void {
  const violations = finding === null ? 0 : 1;
  const seedCount = seeds.toLocaleString('en');
  whole.worlds += 1;
  whole.seeds += seeds;
  whole.violations += violations;
  whole.totals.add(totals.entries());
  console.log(`${world}: ${seedCount} seeds, ${violations} violations: ${String(totals)}`);
  console.log(`  in ${s.toFixed(1)} s, ${(seeds / s).toFixed(0)} seeds/s`);
  if (finding !== null) {
    console.log(`  VIOLATION in seed ${finding.seed}: ${finding.message}`);
    console.log(`  again: --world ${world} --seed-only ${finding.seed} --trace`);
  }
  const shortfalls = seeds < seedsForRates ? [] : totals.shortfalls(seeds, figuresLeftOut[world]);
  for (const shortfall of shortfalls) console.log(`  TOO RARE: ${shortfall}`);
  judge(finding === null && shortfalls.length === 0);
}

async function searchAll(
  pool: WorkerPool,
  { withSlow }: { readonly withSlow: boolean },
): Promise<void> {
  const searches = plantSearches.filter(({ isSlow }) => withSlow || !isSlow);
  for (const search of searches) await searchPlant(pool, search, 0);
}

async function searchNamed(pool: WorkerPool, plant: PlantName, wish: Wish): Promise<void> {
  for (const search of plantSearches.filter((one) => one.plant === plant)) {
    await searchPlant(pool, { ...search, seedsMax: wish.seeds ?? search.seedsMax }, wish.first);
  }
}

/** The run must notice that the rule is missing: in a seed that passes while it is there. */
async function searchPlant(pool: WorkerPool, search: PlantSearch, first: number): Promise<void> {
  const { plant, world, seedsMax } = search;
  const end = first + seedsMax;
  let outcome = `NOT NOTICED in ${seedsMax} seeds`;
  let isNoticed = false;
  for (let next = first; next < end && !isNoticed;) {
    const range = { first: next, seeds: end - next, seconds: Infinity };
    const { finding } = await pool.run({ world, plant, ...range });
    if (finding === null) break;
    isNoticed = runTask({ world, plant: null, first: finding.seed, seeds: 1 }).finding === null;
    if (isNoticed) outcome = `noticed in seed ${finding.seed}: ${firstLine(finding.message)}`;
    next = finding.seed + 1;
  }
  console.log(`plant ${plant} (${plants[plant]}), ${world}: ${outcome}`);
  judge(isNoticed);
}

function runOne(
  seed: number,
  names: readonly WorldName[],
  { plant, isTraced }: { readonly plant: PlantName | null; readonly isTraced: boolean },
): void {
  for (const world of names) {
    if (isTraced) {
      const totals = new Totals();
      worlds[world]({ seed, plant, totals, trace: console.log });
      continue;
    }
    const { figures, finding } = runTask({ world, plant, first: seed, seeds: 1 });
    const totals = new Totals();
    totals.add(figures);
    report(world, { seeds: 1, totals, finding }, 1);
  }
  if (isTraced) judge(true);
}

function judge(isPassed: boolean): void {
  if (isPassed) passed += 1;
  else failed += 1;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function readPlant(name: string | undefined): PlantName | null {
  if (name === undefined) return null;
  if (isPlantName(name)) return name;
  throw new Error(`no plant ${name}; there are: ${Object.keys(plants).join(', ')}`);
}

function readWorlds(name: string | undefined): readonly WorldName[] {
  if (name === undefined) return worldNames;
  const known = worldNames.filter((world) => world === name);
  if (known.length === 0) throw new Error(`no world ${name}; there are: ${worldNames.join(', ')}`);
  return known;
}
