/** The loads of `bench:replication`: backlogs, lag at a steady rate, commit latency by mode. */
import { spawnSync } from 'node:child_process';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { percentile } from '../open-loop.ts';
import { tableSums } from '../replication/equal-regions.ts';
import type { TestServer } from '../postgres.ts';
import type { Side } from './replication-sides.ts';

export interface Backlog {
  readonly name: string;
  readonly units: number;
  /** Run while nothing is replicated. */
  readonly fill: (side: Side) => Promise<void>;
}

export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export const benchTables = `
CREATE TABLE one_row (id int PRIMARY KEY, v text, n int);
CREATE TABLE large (id int PRIMARY KEY, v text, n int);
CREATE TABLE lag (id int PRIMARY KEY, v text);
CREATE TABLE mark (id text PRIMARY KEY)`;

/** Sessions on the source never wait for replication, so that filling costs the same. */
async function session(server: TestServer): Promise<PgClient> {
  return connectPg({ ...server.target(), options: '-c synchronous_commit=local' });
}

/** `round`: the rows of each round have other keys. */
export function oneRowTransactions(count: number, round: number): Backlog {
  return {
    ...{ name: `${count} transactions of one row`, units: count },
    async fill({ source }) {
      const client = await session(source);
      await client.query('SET synchronous_commit = off');
      await client.query(
        `DO $$ BEGIN FOR i IN ${round * count + 1}..${(round + 1) * count} LOOP
           INSERT INTO one_row VALUES (i, 'value ' || i, i % 7); COMMIT;
         END LOOP; END $$`,
      );
      await client.end();
    },
  };
}

export function oneTransaction(rows: number, round: number): Backlog {
  return {
    ...{ name: `${rows} rows in one transaction`, units: rows },
    async fill({ source }) {
      const client = await session(source);
      await client.query(
        `INSERT INTO large SELECT g, 'value ' || g, g % 7
         FROM generate_series(${round * rows + 1}, ${(round + 1) * rows}) g`,
      );
      await client.end();
    },
  };
}

/** pgbench's own TPC-B transactions; null where the program is missing. */
export function tpcB(transactions: number): Backlog | null {
  if (spawnSync('pgbench', ['--version']).status !== 0) return null;
  return {
    ...{ name: `${transactions} TPC-B transactions (pgbench)`, units: transactions },
    fill: async ({ source }) => {
      pgbench(source, ['-n', '-c', '4', '-t', String(transactions / 4)]);
      return Promise.resolve();
    },
  };
}

/** pgbench's tables on both servers, filled on the source and replicated. */
export async function makeTpcBTables(side: Side): Promise<void> {
  if (side.name === 'postgresql') {
    // Its DDL does not replicate.
    for (const server of [side.target, side.source]) {
      pgbench(server, ['-i', '-q', '-s', '5', '-I', 'dtp'], '-c event_triggers=off');
    }
    await side.makeTables('SELECT 1');
    pgbench(side.source, ['-i', '-q', '-s', '5', '-I', 'G']);
  } else {
    pgbench(side.source, ['-i', '-q', '-s', '5', '-I', 'dtpG']);
  }
}

function pgbench(server: TestServer, args: readonly string[], options = ''): void {
  const { host, port, user, database } = server.target();
  const env = { ...process.env, PGOPTIONS: `-c synchronous_commit=local ${options}` };
  const where = ['-h', host, '-p', String(port), '-U', user, database];
  const { status, stderr } = spawnSync('pgbench', [...args, ...where], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`pgbench: ${stderr}`);
}

/** Milliseconds from `resume` until the target has all of the backlog, rows compared after it. */
export async function drain(side: Side, backlog: Backlog): Promise<number> {
  await side.pause();
  await backlog.fill(side);
  const done = await watch(side, `${backlog.name}, ${Math.random()}`);
  const startedMs = performance.now();
  await side.resume();
  const endedMs = await done();
  const [ours, theirs] = [await tableSums(side.source), await tableSums(side.target)];
  for (const [table, sum] of Object.entries(ours)) {
    if (table.startsWith('public.') && theirs[table] !== sum) {
      throw new Error(`${side.name}: ${table} differs: ${sum} and ${theirs[table] ?? 'nothing'}`);
    }
  }
  return endedMs - startedMs;
}

/** Writes a mark on the source now; the result waits until the target shows it. */
export async function watch(side: Side, mark: string): Promise<() => Promise<number>> {
  const source = await session(side.source);
  await source.query('INSERT INTO mark VALUES ($1)', [mark]);
  await source.end();
  const target = await session(side.target);
  return async () => {
    const deadlineMs = performance.now() + 120_000;
    for (;;) {
      if (performance.now() > deadlineMs) throw new Error(`${side.name} has not shown ${mark}`);
      const { rows } = await target.query('SELECT 1 FROM mark WHERE id = $1', [mark]);
      if (rows.length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const endedMs = performance.now();
    await target.end();
    return endedMs;
  };
}

const lagWriters = 4;

/** From COMMIT to visible on the target, `perSecond` transactions for `seconds`. */
export async function measureLag(
  side: Side,
  { perSecond, seconds, firstId }: { perSecond: number; seconds: number; firstId: number },
): Promise<Spread> {
  const count = perSecond * seconds;
  const committedAtMs = new Float64Array(count);
  const seenAtMs = new Float64Array(count);
  const watching = watchRows(side, { firstId, seenAtMs, deadlineMs: (seconds + 30) * 1000 });
  const startedMs = performance.now();
  let next = 0;
  const write = async (): Promise<void> => {
    const writer = await session(side.source);
    for (let n = next++; n < count; n = next++) {
      const waitMs = startedMs + (n / perSecond) * 1000 - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      await writer.query(`INSERT INTO lag VALUES (${firstId + n}, 'v')`);
      committedAtMs[n] = performance.now();
    }
    await writer.end();
  };
  await Promise.all([watching, ...Array.from({ length: lagWriters }, write)]);
  const lags = Array.from(seenAtMs, (atMs, n) => Math.max(0, atMs - (committedAtMs[n] ?? 0)));
  return spreadOf(lags);
}

/** Notes when each row of `lag` from `firstId` on is seen on the target, until all are. */
async function watchRows(
  side: Side,
  of: { firstId: number; seenAtMs: Float64Array; deadlineMs: number },
): Promise<void> {
  const { firstId, seenAtMs } = of;
  const target = await session(side.target);
  const untilMs = performance.now() + of.deadlineMs;
  // Everything before it was seen; later ones may be, as writers commit side by side.
  let floor = 0;
  while (floor < seenAtMs.length) {
    if (performance.now() > untilMs) throw new Error(`${side.name} does not show all rows`);
    const { rows } = await target.query<{ id: string }>(
      `SELECT id FROM lag WHERE id BETWEEN ${firstId + floor} AND ${firstId + seenAtMs.length - 1}`,
    );
    const atMs = performance.now();
    for (const { id } of rows) seenAtMs[Number(id) - firstId] ||= atMs;
    while (seenAtMs[floor] !== undefined && seenAtMs[floor] !== 0) floor += 1;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await target.end();
}

/** Enough for 500 a second when each takes 120 ms: else they would wait for a client. */
const commitClients = 64;

/** Latency of one-row commits that wait as `mode` says, at `perSecond`. */
export async function measureCommits(
  side: Side,
  of: { mode: string; perSecond: number; seconds: number; firstId: number },
): Promise<Spread> {
  const clients = await Promise.all(
    Array.from({ length: commitClients }, () => session(side.source)),
  );
  for (const client of clients) await client.query(`SET synchronous_commit = ${of.mode}`);
  const idle = [...clients];
  const latenciesMs: number[] = [];
  const open: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let n = 0; n < of.perSecond * of.seconds; n += 1) {
    const dueMs = startedMs + (n / of.perSecond) * 1000;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    while (idle.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const client = idle.pop();
    if (client === undefined) continue;
    const run = client.query(`INSERT INTO lag VALUES (${of.firstId + n}, 'v')`).then(() => {
      latenciesMs.push(performance.now() - dueMs);
      idle.push(client);
    });
    open.push(run);
  }
  await Promise.all(open);
  await Promise.all(clients.map((client) => client.end()));
  return spreadOf(latenciesMs);
}

function spreadOf(valuesMs: readonly number[]): Spread {
  const round = (value: number): number => Math.round(value * 100) / 100;
  return { p50Ms: round(percentile(valuesMs, 0.5)), p99Ms: round(percentile(valuesMs, 0.99)) };
}
