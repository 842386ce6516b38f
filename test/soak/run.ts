/**
 * A long randomised run: mixed tables and DDL on the primary, faults everywhere, and at the end all
 * regions equal, rows and catalogs. Real PostgreSQL, Kafka and replicator processes, three regions.
 *
 *   npm run test:soak -- [--minutes N] [--seed N] [--writers N]
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { connectPg, type PgClient } from '../../shared/pg/client.ts';
import { sqlstateOf } from '../../shared/errors/sqlstate.ts';
import { openToApplications } from '../helpers/postgres.ts';
import { assertEqualRegions } from '../helpers/replication/equal-regions.ts';
import {
  startHandClusterWith,
  type HandCluster,
  type HandRegion,
} from '../helpers/replication/hand-cluster.ts';
import { ddlStep, soakTables, writeSomething, type Random } from './workload.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    writers: { type: 'string', default: '4' },
  },
});
const endsAtMs = performance.now() + Number(values.minutes) * 60_000;
const seed = Number(values.seed);
const counts = new Map<string, number>();
/** What may end a transaction here: other writers, other DDL, a server that went away. */
const expected = /^(08|23|40|57|55P03|42P01|42703|42P07|42701|42710|2BP01|55000|55006|0A000|XX000)/;
/** How long the regions may take to become equal after the last write. */
const settleMs = 180_000;
let isOver = false;

function randomOf(start: number): Random {
  let state = start >>> 0;
  return () => {
    // A linear congruential generator: modulus 2^32, multiplier 1664525, increment 1013904223.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function count(what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function say(text: string): void {
  const leftS = Math.max(0, Math.round((endsAtMs - performance.now()) / 1000));
  process.stdout.write(`${leftS} s left: ${text}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs `work` again and again on a session of the application, connecting anew when it is lost. */
async function repeat(
  primary: HandRegion,
  name: string,
  work: (client: PgClient) => Promise<void>,
): Promise<void> {
  let client: PgClient | null = null;
  while (!isOver) {
    try {
      client ??= await connectPg(primary.server.target('app'));
      client.on('error', () => undefined);
      await work(client);
      count(name);
    } catch (error) {
      const state = sqlstateOf(error);
      // Without a code it is the connection that broke.
      count(`${name}, ended by ${state ?? 'a lost connection'}`);
      if (state !== null && !expected.test(state)) throw error;
      if (state === null || state.startsWith('57') || state.startsWith('08')) {
        void client?.end().catch(() => undefined);
        client = null;
        await pause(200);
      }
    }
  }
  void client?.end().catch(() => undefined);
}

async function runDdl(client: PgClient, step: number): Promise<void> {
  await client.query('SET synchronous_commit = local');
  for (const command of ddlStep(step)) await client.query(command);
}

type Fault = readonly [name: string, act: (cluster: HandCluster, random: Random) => Promise<void>];

function anyOf<T>(list: readonly T[], random: Random): T {
  const chosen = list[Math.floor(random() * list.length)];
  if (chosen === undefined) throw new RangeError('nothing to choose from');
  return chosen;
}

const faults: readonly Fault[] = [
  [
    'a replicator is killed',
    async ({ regions }, random) => {
      const region = anyOf(regions, random);
      await region.kill();
      await pause(random() * 2000);
      await region.start();
    },
  ],
  [
    'a replicator is frozen',
    async ({ regions }, random) => {
      const region = anyOf(regions, random);
      region.freeze();
      await pause(random() * 6000);
      region.thaw();
    },
  ],
  [
    'the server of a replica crashes',
    async ({ replicas }, random) => {
      const { server } = anyOf(replicas, random);
      await server.kill('SIGQUIT');
      await pause(random() * 2000);
      await server.start();
    },
  ],
  [
    'the server of the primary crashes',
    async ({ primary }) => {
      await primary.server.kill('SIGQUIT');
      await primary.server.start();
      await openToApplications(primary.server);
    },
  ],
  [
    'Kafka is killed',
    async ({ kafka }, random) => {
      const broker = anyOf(kafka.brokers, random);
      await broker.kill();
      await pause(random() * 3000);
      await broker.start();
    },
  ],
];

async function makeFaults(cluster: HandCluster, random: Random): Promise<void> {
  for (let n = 0; ; n += 1) {
    await pause(3000 + random() * 5000);
    if (isOver) return;
    const [name, act] =
      n < faults.length ? (faults[n] ?? anyOf(faults, random)) : anyOf(faults, random);
    say(name);
    await act(cluster, random);
    count(name);
  }
}

async function soak(cluster: HandCluster): Promise<void> {
  const { primary, replicas } = cluster;
  const session = await connectPg(primary.server.target('app'));
  await session.query('SET synchronous_commit = local');
  await session.query(soakTables);
  await session.end();
  let step = 0;
  const writers = Array.from({ length: Number(values.writers) }, (_, index) => {
    const random = randomOf(seed * 31 + index);
    return repeat(primary, 'transactions', (client) => writeSomething(client, random));
  });
  const ddl = repeat(primary, 'steps of DDL', async (client) => {
    step += 1;
    await pause(300);
    await runDdl(client, step);
  });
  const breaking = makeFaults(cluster, randomOf(seed));
  const all = Promise.all([...writers, ddl, breaking]);
  await Promise.race([all, pause(Math.max(0, endsAtMs - performance.now()))]);
  isOver = true;
  await all;
  say('the last write is done');
  for (const replica of replicas) await cluster.caughtUp(replica, settleMs);
  for (const replica of replicas) await assertEqualRegions(primary.server, replica.server);
}

process.stdout.write(`seed ${seed}, ${values.minutes} minutes\n`);
const cluster = await startHandClusterWith({
  ...{ count: 3, isSecured: true },
  settings: { lock_timeout: '5s', max_wal_size: '512MB' },
});
try {
  await soak(cluster);
  for (const [what, times] of [...counts].sort()) process.stdout.write(`${times} × ${what}\n`);
  assert.ok((counts.get('transactions') ?? 0) > 0, 'nothing was written');
  process.stdout.write('all regions are equal\n');
} catch (error) {
  for (const { id, report } of cluster.regions) {
    process.stdout.write(`${id}: ${report()?.phase ?? 'away'} ${report()?.why ?? ''}\n`);
  }
  process.stdout.write(`failed with seed ${seed}\n`);
  process.exitCode = 1;
  console.error(error);
} finally {
  await cluster.stop();
}
