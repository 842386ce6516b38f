/** The demo from end to end: load, workload with a switchover in its middle, comparison. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import { CliError } from '../core/cli-error.ts';
import type { DemoReport, TableSum } from '../core/demo-report.ts';
import type { VerifyReport } from '../core/verify-view.ts';
import { longestPause, percentile } from '../core/statistics.ts';
import { citiesSource, readCities } from './cities.ts';
import { compareRegions } from './compare.ts';
import { firstRow, type DataClient } from './data-client.ts';
import { answered, loadCities } from './load.ts';
import { requestKinds, Workload, type Tally } from './workload.ts';

export interface DemoProgress {
  readonly title: string;
  readonly done: number;
  readonly total: number | null;
  readonly elapsedMs: number;
  readonly detail?: string;
  readonly isLast: boolean;
}

export interface DemoOptions {
  readonly clients: readonly DataClient[];
  readonly ratePerRegion: number;
  readonly seconds: number;
  readonly onProgress: (progress: DemoProgress) => void;
  /** Compares all rows of all regions, as `meridian verify` does. */
  readonly verify: () => Promise<VerifyReport>;
  /** Switches the primary over and resolves when that is done. */
  readonly switchOver: () => Promise<{ from: string; to: string }>;
}

interface Switched {
  /** Why the primary did not change; null when it did. */
  readonly problem: string | null;
  readonly from: string;
  readonly to: string;
  readonly startedMs: number;
  readonly endedMs: number;
}

const compareTimeoutMs = 60_000;
/** The rate rises for so long before the seconds that were asked for: users come one by one. */
const risingSeconds = 5;

/** Runs everything and resolves with what was measured. */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const cities = readCities();
  const loadMs = await load(options, cities);
  const run = `run-${String(Date.now())}`;
  const workload = newWorkload(options, { cities: cities.length, run });
  const [, switched] = await Promise.all([workload.run(), switchInTheMiddle(options)]);
  const { tally } = workload;
  const lostWrites = await countLost(options.clients, run, tally);
  const tables = await compare(options, tally.lastToken);
  const verified = await options.verify().then(verifiedFacts, () => null);
  const facts = { options, workload, switched, tables, lostWrites, loadMs };
  return { ...reportOf({ ...facts, rows: cities.length }), verified };
}

function verifiedFacts({ rows, tables }: VerifyReport): DemoReport['verified'] {
  const differences = tables.reduce((sum, table) => sum + table.differences.length, 0);
  return { rows, tables: tables.length, differences };
}

async function load(
  { clients, onProgress }: DemoOptions,
  cities: ReturnType<typeof readCities>,
): Promise<number> {
  const [client] = clients;
  if (client === undefined) throw new CliError('There is no region.');
  const startedMs = performance.now();
  const tell = (done: number, isLast: boolean): void => {
    const elapsedMs = performance.now() - startedMs;
    onProgress({ title: 'loading cities', done, total: cities.length, elapsedMs, isLast });
  };
  await loadCities({ client, cities, onProgress: (rows) => tell(rows, false) });
  tell(cities.length, true);
  return performance.now() - startedMs;
}

function newWorkload(options: DemoOptions, facts: { cities: number; run: string }): Workload {
  const { clients, ratePerRegion, onProgress } = options;
  const seconds = options.seconds + risingSeconds;
  return new Workload({
    clients,
    schedule: { perSecond: ratePerRegion, risingMs: risingSeconds * 1000 },
    seconds,
    ...facts,
    onProgress: (tally, elapsedMs) => {
      const failed = [...tally.failedByCode.values()].reduce((sum, count) => sum + count, 0);
      onProgress({
        title: 'mixed workload',
        done: Math.round(elapsedMs / 1000),
        total: seconds,
        elapsedMs,
        detail: `${String(tally.requests)} requests, ${String(failed)} failed`,
        isLast: elapsedMs >= seconds * 1000,
      });
    },
  });
}

/** A switchover that fails is a result of the run, not its end. */
async function switchInTheMiddle(options: DemoOptions): Promise<Switched> {
  await sleep(risingSeconds * 1000 + options.seconds * 500);
  const startedMs = performance.now();
  const outcome = await options.switchOver().then(
    (regions) => ({ ...regions, problem: null }),
    (error: unknown) => ({ from: '', to: '', problem: messageOf(error) }),
  );
  return { ...outcome, startedMs, endedMs: performance.now() };
}

/** Confirmed writes of this run that no strong read finds. */
async function countLost(
  clients: readonly DataClient[],
  run: string,
  tally: Tally,
): Promise<number> {
  const [client] = clients;
  if (client === undefined) return 0;
  const outcome = await client.send({
    path: '/v1/query',
    body: {
      sql: 'SELECT coalesce(json_agg(id), $2::json) AS ids FROM demo.visit WHERE run = $1',
      params: [run, '[]'],
    },
    headers: { 'meridian-consistency': 'strong' },
  });
  const value = firstRow(answered(outcome, 'looking for lost writes').body)['ids'];
  const ids = new Set((typeof value === 'string' ? JSON.parse(value) : value) as number[]);
  return [...tally.confirmed].filter((id) => !ids.has(id)).length;
}

async function compare(
  { clients, onProgress }: DemoOptions,
  token: string | null,
): Promise<readonly TableSum[]> {
  const startedMs = performance.now();
  const title = 'comparing regions';
  const tell = (isLast: boolean): void => {
    const elapsedMs = performance.now() - startedMs;
    onProgress({ title, done: 0, total: null, elapsedMs, isLast });
  };
  const timer = setInterval(() => tell(false), 200);
  try {
    return await compareRegions({ clients, token, timeoutMs: compareTimeoutMs });
  } finally {
    clearInterval(timer);
    tell(true);
  }
}

function reportOf(measured: {
  options: DemoOptions;
  workload: Workload;
  switched: Switched;
  tables: readonly TableSum[];
  lostWrites: number;
  loadMs: number;
  rows: number;
}): Omit<DemoReport, 'verified'> {
  const { options, workload, switched, tables, lostWrites, loadMs, rows } = measured;
  const { tally } = workload;
  const lags = workload.lagsMs();
  const failed = Object.fromEntries(tally.failedByCode);
  return {
    dataSet: { rows, loadMs, source: citiesSource },
    tables,
    run: {
      seconds: options.seconds,
      ratePerRegion: options.ratePerRegion,
      requests: tally.requests,
      requestsPerSecond: tally.requests / (options.seconds + risingSeconds / 2),
      kinds: requestKinds.map((kind) => {
        const latencies = tally.latenciesMs[kind];
        return {
          kind,
          requests: latencies.length,
          p50Ms: percentile(latencies, 0.5),
          p99Ms: percentile(latencies, 0.99),
        };
      }),
    },
    lag: { p50Ms: percentile(lags, 0.5), p99Ms: percentile(lags, 0.99) },
    switchover: switchoverFacts(switched, tally),
    failed: { count: Object.values(failed).reduce((sum, count) => sum + count, 0), byCode: failed },
    unknownOutcomes: tally.unknownOutcomes,
    missedOwnWrites: tally.missedOwnWrites,
    lostWrites,
  };
}

function switchoverFacts(switched: Switched, tally: Tally): DemoReport['switchover'] {
  const window = { fromMs: switched.startedMs, toMs: switched.endedMs };
  return {
    problem: switched.problem,
    from: switched.from,
    to: switched.to,
    durationMs: switched.endedMs - switched.startedMs,
    writePauseMs: longestPause(tally.writesAtMs, window)?.durationMs ?? null,
    slowestWriteMs: percentile(tally.writeLatenciesMs, 1),
  };
}
