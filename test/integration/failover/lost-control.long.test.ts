// test: alone deadline 600 s
/**
 * A primary that Meridian cannot reach: its process is frozen for three leases while an owner goes
 * on writing past the router, and the control log loses its majority.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

/** Of five seconds on a quiet machine. */
const recoveredWithinMs = 15_000;
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.start();
  await write('CREATE TABLE owned (id int PRIMARY KEY); CREATE SEQUENCE numbers');
  await write('INSERT INTO owned VALUES (1)');
  await settled();
});

after(async () => {
  await cluster?.remove();
});

test('what an owner writes at a frozen primary is refused, or listed and undone', async () => {
  const { primary, epoch } = await regions();
  const session = await ownerOf(primary);
  const { leaseTtlMs } = cluster.config.policy;
  const pid = await cluster.signal(primary, 'meridian', 'SIGSTOP');
  const done: string[] = [];
  try {
    const frozenAtMs = performance.now();
    await eventually(async () => (await regions()).epoch > epoch, { deadlineMs: 60_000 });
    await eventually(() => performance.now() - frozenAtMs > 3 * leaseTtlMs, {
      deadlineMs: 4 * leaseTtlMs,
    });
    for (const [name, sql] of Object.entries({
      insert: 'INSERT INTO owned VALUES (2)',
      ddl: 'CREATE TABLE another (id int PRIMARY KEY)',
      nextval: `INSERT INTO owned SELECT 100 + nextval('numbers')`,
    })) {
      // With a COMMIT that waits it could not even say that it has written.
      const words = `SET default_transaction_read_only = off; SET synchronous_commit = local;
        BEGIN READ WRITE; ${sql}; COMMIT`;
      const isDone = await session.query(words).then(
        () => true,
        () => false,
      );
      if (isDone) done.push(name);
    }
  } finally {
    process.kill(pid, 'SIGCONT');
    await session.end().catch(() => undefined);
  }
  console.log(`done at the frozen primary: ${done.join(', ') || 'nothing'}`);
  await settled();
  for (const region of cluster.regionIds) {
    const sql = 'SELECT string_agg(id::text, $1 ORDER BY id) AS ids FROM owned';
    const { body } = await cluster.query(region, sql, { params: [' '], consistency: 'eventual' });
    assert.equal(body.rows?.[0]?.['ids'], '1', region);
  }
  const tails = (await cluster.admin(any(), '/admin/diverged'))['items'] as Tail[];
  const tail = tails.find(({ region }) => region === primary);
  if (done.length === 0) return;
  assert.ok(tail !== undefined, 'a tail is listed');
  const path = `/admin/diverged/${primary}/${tail.epoch}`;
  const text = JSON.stringify((await cluster.admin(any(), path))['items']);
  if (done.includes('insert')) assert.match(text, /"id":"?2"?/);
  if (done.includes('nextval')) assert.match(text, /"id":"?101"?/);
});

test('without a majority of brokers nothing opens, replicas read, status says who', async () => {
  const { primary, epoch } = await regions();
  const token =
    (await write('INSERT INTO owned VALUES (3)')).headers.get('meridian-position') ?? '';
  const [one = '', other = ''] = cluster.regionIds.filter((id) => id !== primary);
  for (const region of [one, other]) {
    await eventually(async () => (await read(region, token)).status === 200);
  }
  const pids = [await cluster.signal(one, 'kafka', 'SIGSTOP')];
  pids.push(await cluster.signal(other, 'kafka', 'SIGSTOP'));
  try {
    const refused = async (): Promise<boolean> => {
      const session = await ownerOf(primary).catch(() => null);
      await session?.end();
      return session === null;
    };
    await eventually(refused, { deadlineMs: 60_000, intervalMs: 500 });
    assert.notEqual((await query(primary, 'strong')).status, 200);
    for (const region of [one, other]) {
      assert.equal((await read(region, token)).status, 200, `${region}: session`);
      assert.equal((await query(region, 'eventual')).status, 200, `${region}: eventual`);
      const bounded = await query(region, 'bounded', { 'meridian-max-staleness-ms': '120000' });
      assert.equal(bounded.status, 200, `${region}: bounded`);
    }
    for (const region of cluster.regionIds) {
      const told = await cluster.admin(region, '/admin/regions');
      const named = new RegExp(`no broker answers in .*(${one}|${other}).*; needed: 1 of them`);
      assert.match(String(told['controlLog']), named, region);
      assert.equal(told['epoch'], epoch, `${region}: nothing has opened`);
    }
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
  const sinceMs = performance.now();
  await eventually(async () => (await cluster.query(any(), upsert)).status === 200, {
    deadlineMs: 60_000,
    intervalMs: 100,
  });
  const tookMs = Math.round(performance.now() - sinceMs);
  console.log(`writes are confirmed ${tookMs} ms after the brokers are back`);
  assert.ok(tookMs <= recoveredWithinMs);
  await eventually(async () => (await regions()).controlLog === null, { deadlineMs: 30_000 });
});

interface Tail {
  readonly region: string;
  readonly epoch: number;
}

interface Regions {
  readonly epoch: number;
  readonly primary: string;
  readonly members: readonly string[];
  readonly controlLog: string | null;
  readonly items: readonly { readonly health: string }[];
}

const upsert = 'INSERT INTO owned VALUES (4) ON CONFLICT DO NOTHING';

/** A session of the tables' owner at the region's own node. */
async function ownerOf(region: string): Promise<PgClient> {
  const { bind, nodes } = cluster.region(region);
  const password = cluster.secrets(region).shared.postgres.app;
  const who = { user: 'app', password, applicationName: 'test' };
  const { database } = cluster.config;
  const client = await connectPg({
    ...who,
    host: bind,
    port: nodes[0]?.port ?? 5432,
    database,
    connectTimeoutMs: 5000,
  });
  client.on('error', () => undefined);
  return client;
}

async function write(sql: string): ReturnType<TestCluster['query']> {
  for (const one of sql.split(';').slice(0, -1)) await write(one);
  const answer = await cluster.query(any(), sql.split(';').at(-1) ?? '');
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer;
}

function read(region: string, token: string): ReturnType<TestCluster['query']> {
  return query(region, 'session', { 'meridian-position': token });
}

function query(
  region: string,
  consistency: string,
  headers: Record<string, string> = {},
): ReturnType<TestCluster['query']> {
  const sql = 'SELECT count(*) FROM owned';
  return cluster.query(region, sql, {
    headers: { ...headers, 'meridian-consistency': consistency },
  });
}

/** The newest that any region says. */
async function regions(): Promise<Regions> {
  const asked = cluster.regionIds.map((id) => cluster.admin(id, '/admin/regions'));
  const told = (await Promise.allSettled(asked)).flatMap((answer) =>
    answer.status === 'fulfilled' && answer.value['httpStatus'] === 200
      ? [answer.value as unknown as Regions]
      : [],
  );
  const newest = told.toSorted((a, b) => b.epoch - a.epoch)[0];
  assert.ok(newest !== undefined, 'a region answers');
  return newest;
}

async function settled(): Promise<void> {
  await eventually(
    async () => {
      const { members, items } = await regions();
      const isHealthy = items.every(({ health }) => health === 'healthy');
      return isHealthy && members.length === cluster.regionIds.length - 1;
    },
    { deadlineMs: 120_000, intervalMs: 300 },
  );
}

function any(): string {
  return cluster.regionIds.at(-1) ?? '';
}
