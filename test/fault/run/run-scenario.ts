/** Runs one row of the fault matrix on a cluster: load, fault, heal, settle, checks, journal. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDataClient, type DataClient } from '../../../services/cli/demo/data-client.ts';
import type { TestCluster } from '../../helpers/cluster.ts';
import { findWritableEpochViolations } from '../checkers/writable-epochs.ts';
import { reportedRows } from './divergence.ts';
import { findUnequalTables } from './equal-regions.ts';
import { groupBy, isWrite, type Operation } from './history.ts';
import { readCuts, readLogs } from './logs.ts';
import { Nemesis } from './nemesis.ts';
import { Session } from './session.ts';
import type { Scenario } from './scenario.ts';
import { seededPair } from './seeded-random.ts';
import type { CheckContext, LoadContext, Workload } from './workload.ts';

export interface Verdict {
  readonly violations: readonly string[];
  readonly promotions: number;
  readonly confirmed: number;
  readonly unknown: number;
  /** Longest time without any confirmed write, in milliseconds. */
  readonly writePauseMs: number;
  readonly journalFile: string;
  /** What the clients of W1 did, register by register. */
  readonly registers: readonly (readonly Operation[])[];
}

export interface ScenarioOptions {
  readonly cluster: TestCluster;
  readonly workloads: readonly Workload[];
  readonly seed: number;
}

const [warmUpMs, afterMs] = [2000, 2000];
const inEveryRow = ['W4a', 'W7'];

/** Makes the tables anew: what an earlier row left is gone. */
async function makeTables({ cluster, workloads }: ScenarioOptions): Promise<void> {
  const first = cluster.regionIds[0] ?? '';
  for (const sql of [
    'DROP SCHEMA IF EXISTS fault CASCADE',
    'CREATE SCHEMA fault',
    ...workloads.flatMap((one) => one.setUp),
  ]) {
    const { status, body } = await cluster.query(first, sql);
    if (status !== 200) throw new Error(`${sql}: ${JSON.stringify(body)}`);
  }
}

/** Runs `scenario`; every violation is a line of the verdict. */
export async function runScenario(scenario: Scenario, options: ScenarioOptions): Promise<Verdict> {
  const { cluster, seed } = options;
  const wanted = scenario.workloads?.concat(inEveryRow);
  const workloads = options.workloads
    .filter(({ id }) => wanted?.includes(id) ?? true)
    .filter(({ id }) => id !== 'W4a' || scenario.leavesUnlistable !== true);
  const random = seededPair(seed);
  const nemesis = new Nemesis(cluster, random.faults);
  await nemesis.settled();
  await makeTables({ ...options, workloads });
  const { epoch } = await nemesis.view();
  const load = await startLoad(cluster, workloads, random.load);
  try {
    await nemesis.wait(warmUpMs);
    await scenario.act(nemesis);
    nemesis.note('everything is healed');
    await nemesis.settled();
    await nemesis.standbysFollow();
    nemesis.note('every region is healthy, every replica a member, every standby follows');
    await nemesis.wait(afterMs);
  } finally {
    await load.stop();
  }
  const { epoch: lastEpoch } = await nemesis.view();
  const context = checkContext(cluster);
  const found = await Promise.all(
    [...load.histories].map(async ([workload, history]) => {
      const lines = await workload.check(history, context);
      return lines.map((line) => `${workload.id}: ${line}`);
    }),
  );
  const history = [...load.histories.values()].flat();
  const promotions = lastEpoch - epoch;
  const writePauseMs = longestPauseMs(history);
  const violations = [
    ...judgeCosts(scenario, { promotions, writePauseMs }),
    ...found.flat(),
    ...findWritableEpochViolations(history).map((line) => `I2: ${line}`),
    ...(await findUnequalTables(cluster)),
  ];
  const counted = { promotions, writePauseMs, ...countOutcomes(history) };
  const journal = { scenario: scenario.id, seed, ...counted, violations, acts: nemesis.acts };
  const ofRegisters = [...load.histories].find(([{ id }]) => id === 'W1')?.[1] ?? [];
  const registers = [...groupBy(ofRegisters, ({ key }) => key).values()];
  return { violations, ...counted, registers, journalFile: writeJournal(journal, history) };
}

function judgeCosts(
  { promotions: [fewest, most], writePauseMaxMs }: Scenario,
  cost: Pick<Verdict, 'promotions' | 'writePauseMs'>,
): string[] {
  const isPauseLong = writePauseMaxMs !== null && cost.writePauseMs > writePauseMaxMs;
  return [
    ...(cost.promotions < fewest || cost.promotions > most
      ? [`${cost.promotions} promotions, not ${fewest} to ${most}`]
      : []),
    ...(isPauseLong ? [`no write for ${Math.round(cost.writePauseMs)} ms`] : []),
  ];
}

interface Load {
  readonly histories: ReadonlyMap<Workload, Operation[]>;
  stop(): Promise<void>;
}

async function startLoad(
  cluster: TestCluster,
  workloads: readonly Workload[],
  random: () => number,
): Promise<Load> {
  const token = await cluster.token('data:write');
  const clients = new Map(
    cluster.regionIds.map((id): [string, DataClient] => [
      id,
      createDataClient(id, cluster.origin(id), token),
    ]),
  );
  const ending = new AbortController();
  const histories = new Map<Workload, Operation[]>();
  const running = workloads.flatMap((workload) => {
    const history: Operation[] = [];
    const prefix = `${workload.id}-${randomUUID().slice(0, 8)}`;
    histories.set(workload, history);
    const context: LoadContext = {
      regions: cluster.regionIds,
      prefix,
      random,
      history,
      session: (id) => new Session(id, clients, history),
      isRunning: () => !ending.signal.aborted,
      pace: (ms) => new Promise((resolve) => setTimeout(resolve, ending.signal.aborted ? 0 : ms)),
    };
    return workload.run(context);
  });
  return {
    histories,
    async stop() {
      ending.abort();
      await Promise.all(running);
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

function checkContext(cluster: TestCluster): CheckContext {
  return {
    regions: cluster.regionIds,
    rows: (region, sql) => rowsAt(cluster, region, sql),
    reported: (table) => reportedRows(cluster, table),
    cuts: () => readCuts(cluster),
    logs: () => readLogs(cluster),
  };
}

/** All rows, in pages; a region may still be applying the last writes. */
async function rowsAt(
  cluster: TestCluster,
  region: string,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { headers } = await cluster.query(cluster.regionIds[0] ?? '', 'SELECT 1', {
    headers: { 'meridian-consistency': 'strong' },
  });
  const position = headers.get('meridian-position');
  const rows: Record<string, unknown>[] = [];
  for (;;) {
    const page = await cluster.query(region, `${sql} ORDER BY 1 LIMIT 5000 OFFSET ${rows.length}`, {
      headers: position === null ? {} : { 'meridian-position': position },
    });
    if (page.body.rows === undefined) throw new Error(`${sql}: ${JSON.stringify(page.body)}`);
    rows.push(...page.body.rows);
    if (page.body.rows.length < 5000) return rows;
  }
}

function longestPauseMs(history: readonly Operation[]): number {
  const ends = history
    .filter((operation) => operation.outcome === 'ok' && isWrite(operation))
    .map(({ endedMs }) => endedMs)
    .toSorted((a, b) => a - b);
  return ends.reduce((longest, endMs, index) => {
    return Math.max(longest, endMs - (ends[index - 1] ?? endMs));
  }, 0);
}

function countOutcomes(history: readonly Operation[]): { confirmed: number; unknown: number } {
  const count = (outcome: Operation['outcome']): number =>
    history.filter((operation) => operation.outcome === outcome).length;
  return { confirmed: count('ok'), unknown: count('unknown') };
}

/** Journal and history as JSON lines, in a folder that the environment may name. */
function writeJournal(journal: Readonly<Record<string, unknown>>, history: readonly Operation[]) {
  const folder = process.env['MERIDIAN_FAULT_FOLDER'] ?? join(tmpdir(), 'meridian-fault');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${String(journal['scenario'])}-${String(journal['seed'])}.jsonl`);
  const lines = [journal, ...history.toSorted((a, b) => a.startedMs - b.startedMs)];
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return file;
}
