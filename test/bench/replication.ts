/**
 * Meridian's replication against PostgreSQL's own, in one run on one machine: backlogs, lag, what
 * each durability mode costs a COMMIT, processor time and memory.
 *
 *   npm run bench:replication -- [--scale N] [--rounds N] [--seconds N] [--one-way N] [--json]
 *     [--only 'backlog, lag, commits, wan']
 *
 * Both sides: one source, one target, no standbys, the same settings, fsync on; both are up all the
 * time and take turns. Rows are compared by checksum before a time counts; medians of the rounds
 * are shown. `wan` repeats lag and commits with `--one-way` milliseconds added to each direction
 * of the link. `--json` prints a list of { what, value, unit, peer, peerValue, ratio, goal, ok }.
 */
import { parseArgs } from 'node:util';
import { figureOf, median, renderFigures, type Figure } from '../helpers/bench/figure.ts';
import { cpuBetween, processUse } from '../helpers/bench/process-use.ts';
import {
  benchTables,
  drain,
  makeTpcBTables,
  measureCommits,
  measureLag,
  oneRowTransactions,
  oneTransaction,
  tpcB,
  watch,
  type Backlog,
  type Spread,
} from '../helpers/bench/replication-loads.ts';
import {
  serverSettings,
  startMeridianSide,
  startPostgresSide,
  type Side,
} from '../helpers/bench/replication-sides.ts';

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    'one-way': { type: 'string', default: '40' },
    only: { type: 'string', default: 'backlog, lag, commits, wan' },
    json: { type: 'boolean', default: false },
  },
});
const scale = Number(values.scale);
const seconds = Number(values.seconds);
const oneWayMs = Number(values['one-way']);
const parts = values.only.split(',').map((part) => part.trim());
const peerName = 'postgresql';
const commitsPerSecond = 500;
const modes = [
  ['async', 'local'],
  ['logged', 'on'],
  ['semi-sync', 'remote_write'],
  ['sync', 'remote_apply'],
] as const;
/** Milliseconds above local commit, or above the round trip to the other region. */
const commitMarginMs: Readonly<Record<string, number>> = { async: 2, 'semi-sync': 10, sync: 15 };

let nextLagId = 1;

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}

async function prepare(side: Side, hasTpcB: boolean): Promise<void> {
  await side.makeTables(benchTables);
  if (hasTpcB) await makeTpcBTables(side);
  const shown = await watch(side, 'tables are there');
  await shown();
}

/** Drains the backlog on each side in turn; rates by median, processor time of the last round. */
async function compareBacklog(
  sides: readonly Side[],
  backlogOf: (round: number) => Backlog,
): Promise<Figure[]> {
  const rates = new Map<string, number[]>(sides.map(({ name }) => [name, []]));
  let used: ReadonlyMap<string, number> = new Map();
  const { name: what, units } = backlogOf(0);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const side of sides) {
      say(`${side.name}: ${what}, round ${round + 1}`);
      let before = processUse();
      const backlog = backlogOf(round);
      const fill = async (filled: Side): Promise<void> => {
        await backlog.fill(filled);
        before = processUse();
      };
      const tookMs = await drain(side, { ...backlog, fill });
      rates.get(side.name)?.push((units / tookMs) * 1000);
      const between = cpuBetween(before, processUse());
      used = new Map([...used, ...[...between].filter(([part]) => isOf(side, part))]);
    }
  }
  const value = median(rates.get('meridian') ?? []);
  const peer = { name: peerName, value: median(rates.get(peerName) ?? []) };
  const speed = figureOf({ what, value, unit: '/s', peer, goal: { of: 'ratio', atLeast: 1 } });
  const cpu = [...used].map(([part, ms]) =>
    figureOf({ what: `  ${part}`, value: (ms / units) * 1000, unit: 'cpu ms/1,000' }),
  );
  return [speed, ...cpu];
}

function isOf(side: Side, part: string): boolean {
  const isPeers = part === 'walsender to the subscription' || part === 'apply workers';
  return isPeers === (side.name === peerName);
}

async function lagFigures(
  sides: readonly Side[],
  addedMs: number,
  suffix: string,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const perSecond of [500, 2000]) {
    const spreads = new Map<string, Spread>();
    for (const side of sides) {
      say(`${side.name}: lag at ${perSecond} transactions per second${suffix}`);
      const firstId = takeIds(perSecond * seconds);
      spreads.set(side.name, await measureLag(side, { perSecond, seconds, firstId }));
    }
    const [own, theirs] = [spreads.get('meridian'), spreads.get(peerName)];
    const peerOf = (value: number | undefined): object =>
      value === undefined ? {} : { peer: { name: peerName, value } };
    const what = `lag at ${perSecond}/s${suffix}`;
    figures.push(
      figureOf({
        ...{ what: `${what}, p50`, value: own?.p50Ms ?? NaN, unit: 'ms' },
        ...peerOf(theirs?.p50Ms),
      }),
      figureOf({
        ...{ what: `${what}, p99`, value: own?.p99Ms ?? NaN, unit: 'ms' },
        ...peerOf(theirs?.p99Ms),
        goal: { of: 'value', atMost: addedMs + 100 },
      }),
    );
  }
  return figures;
}

/** `local`: a commit on a server that replicates to nobody synchronously, in the same run. */
async function commitFigures(
  side: Side,
  local: Spread,
  of: { readonly roundTripMs: number; readonly suffix: string },
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, mode] of modes) {
    say(`${side.name}: commits, ${name}${of.suffix}`);
    const { p50Ms, p99Ms } = await commits(side, mode);
    const what = `commit at ${commitsPerSecond}/s, ${name}${of.suffix}`;
    const marginMs = commitMarginMs[name];
    const baseMs = name === 'async' ? local.p99Ms : of.roundTripMs;
    const peerOf = (value: number): object => ({ peer: { name: 'local commit', value } });
    figures.push(
      figureOf({
        ...{ what: `${what}, p50`, value: p50Ms, unit: 'ms' },
        ...peerOf(local.p50Ms),
      }),
      figureOf({
        ...{ what: `${what}, p99`, value: p99Ms, unit: 'ms' },
        ...peerOf(local.p99Ms),
        ...(marginMs === undefined ? {} : { goal: { of: 'value', atMost: baseMs + marginMs } }),
      }),
    );
  }
  return figures;
}

function commits(side: Side, mode: string): Promise<Spread> {
  const firstId = takeIds(commitsPerSecond * seconds);
  return measureCommits(side, { mode, perSecond: commitsPerSecond, seconds, firstId });
}

function takeIds(count: number): number {
  const firstId = nextLagId;
  nextLagId += count;
  return firstId;
}

function memoryFigures(): Figure[] {
  return [...processUse()].map(([part, { bytes }]) =>
    figureOf({ what: `memory of ${part}`, value: bytes / 1024 / 1024, unit: 'MB' }),
  );
}

async function run(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const hasTpcB = parts.includes('backlog') && tpcB(4) !== null;
  const postgresql = await startPostgresSide();
  const sides = [postgresql, await startMeridianSide()];
  const [, meridian = postgresql] = sides;
  for (const side of sides) await prepare(side, hasTpcB);
  if (parts.includes('backlog')) {
    const loads = [
      (round: number) => oneRowTransactions(100_000 * scale, round),
      (round: number) => oneTransaction(200_000 * scale, round),
      ...(hasTpcB ? [() => tpcB(20_000 * scale) ?? oneRowTransactions(0, 0)] : []),
    ];
    for (const load of loads) figures.push(...(await compareBacklog(sides, load)));
    figures.push(...memoryFigures());
  }
  if (parts.includes('lag')) figures.push(...(await lagFigures(sides, 0, '')));
  const isLocalNeeded = parts.includes('commits') || parts.includes('wan');
  const local = isLocalNeeded ? await commits(postgresql, 'local') : null;
  if (parts.includes('commits') && local !== null) {
    figures.push(...(await commitFigures(meridian, local, { roundTripMs: 0, suffix: '' })));
  }
  for (const side of sides) await side.stop();
  if (parts.includes('wan') && local !== null) {
    const far = await startMeridianSide(oneWayMs);
    await prepare(far, false);
    const suffix = `, ${oneWayMs} ms away`;
    figures.push(...(await lagFigures([far], oneWayMs, suffix)));
    const roundTripMs = 2 * oneWayMs;
    figures.push(...(await commitFigures(far, local, { roundTripMs, suffix })));
    await far.stop();
  }
  return figures;
}

const figures = await run();
if (values.json) {
  console.log(JSON.stringify(figures, null, 2));
} else {
  const set = Object.entries(serverSettings).map(([name, value]) => `${name} = ${value}`);
  console.log(`Servers: infra/postgres/postgresql.conf, ${set.join(', ')}, fsync on`);
  console.log(renderFigures(figures));
}
process.exit(0);
