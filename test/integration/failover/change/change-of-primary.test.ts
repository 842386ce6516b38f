// test: alone deadline 300 s
/**
 * Changes of primary on real regions, two of them split into several processes, under writes from
 * all of them: a switchover fails no request and brings everything along, an operator's request is
 * an operation that every region knows, a frozen controller is replaced within its bound and never
 * writes again in its old epoch.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomUUID } from 'node:crypto';
import { TestCluster } from '../../../helpers/cluster.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { cli, makeClerk, testChangesByHand, testGlobals } from './globals.ts';
import { split, testSplitRegion } from './split.ts';

/** Between the freeze and the first write elsewhere; what a quiet machine needs is in the bench. */
const replacedWithinMs = 30_000;

let cluster: TestCluster;
let isWriting = true;
let writing: Promise<void>[] = [];
const outcomes = new Map<string, string>();

before(async () => {
  cluster = await TestCluster.start({ nodesPerRegion: 1, split, isSecured: true });
  const made = await cluster.query(any(), 'CREATE TABLE entry (id text PRIMARY KEY)');
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await makeClerk(cluster, (await regions()).primary);
  writing = cluster.regionIds.map(write);
});

after(async () => {
  isWriting = false;
  await Promise.allSettled(writing);
  await cluster?.remove();
});

testSplitRegion(() => cluster);

test('a switchover under writes fails none, and one asked for beside it is refused', async () => {
  const { primary, epoch } = await regions();
  const to = cluster.regionIds.find((id) => id !== primary) ?? '';
  await eventually(async () => (await regions()).members.includes(to), { deadlineMs: 30_000 });
  const seen = outcomes.size;
  const ask = (): Promise<Record<string, unknown>> =>
    cluster.admin(any(), `/admin/regions/${primary}/failover`, { to, reason: 'a test' });
  const both = (await Promise.all([ask(), ask()])).toSorted(
    (a, b) => Number(a['httpStatus']) - Number(b['httpStatus']),
  );
  const [asked = {}, second = {}] = both;
  assert.equal(asked['httpStatus'], 202, JSON.stringify(asked));
  assert.deepEqual([second['httpStatus'], second['code']], [409, 'OperationRunning']);
  assert.deepEqual(second['facts'], { operationId: asked['id'] });
  const operation = await ended(String(asked['id']));
  assert.equal(operation['phase'], 'done', JSON.stringify(operation));
  await eventually(() => outcomes.size > seen + 30, { deadlineMs: 30_000 });
  const after = await regions();
  assert.deepEqual([after.primary, after.epoch], [to, epoch + 1]);
  const failed = [...outcomes.values()].filter((outcome) => outcome !== 'confirmed');
  assert.deepEqual(failed, []);
});

testGlobals(() => cluster, primaryNow);

test('every region tells the same of the operation and the history', async () => {
  const told = await Promise.all(
    cluster.regionIds.map((id) => cluster.admin(id, '/admin/history')),
  );
  const newest = told.map(({ items }) => JSON.stringify((items as unknown[])[0]));
  assert.equal(new Set(newest).size, 1);
  assert.match(newest[0] ?? '', /"change":"switchover".*"reason":"a test"/);
  assert.match(newest[0] ?? '', /"pauseMs":\d+,"rowsLost":0/);
  const { primary } = await regions();
  const { out } = cli(cluster, 'status');
  const summary = new RegExp(`primary ${primary} · members .* · lease \\d.*s left\\n`);
  assert.match(out, summary);
  assert.match(out, /\nlast change: switchover from .* write pause \d.*s; /);
});

test('a region is drained in the control log: every region says so', async () => {
  const [region = ''] = cluster.regionIds;
  const isAccepting = async (from: string): Promise<unknown> =>
    (await cluster.admin(from, `/admin/regions/${region}`))['isAccepting'];
  for (const [verb, expected] of [
    ['drain', false],
    ['undrain', true],
  ] as const) {
    const asked = await cluster.admin(any(), `/admin/regions/${region}/${verb}`, { reason: 'x' });
    assert.equal(asked['httpStatus'], 202, JSON.stringify(asked));
    for (const from of cluster.regionIds) {
      await eventually(async () => (await isAccepting(from)) === expected);
    }
    assert.equal((await ended(String(asked['id'])))['phase'], 'done');
  }
  const { items } = await cluster.admin(any(), '/admin/audit');
  const verbs = (items as { verb: string; by: string }[]).map(({ verb, by }) => `${by} ${verb}`);
  assert.deepEqual(verbs.slice(0, 2), ['test undrain', 'test drain']);
});

test('a target that is the primary, and force without acceptance, are refused', async () => {
  const { primary } = await regions();
  const path = `/admin/regions/${primary}/failover`;
  const refused = await cluster.admin(any(), path, { to: primary });
  assert.equal(refused['code'], 'RequestInvalid');
  const forced = await cluster.admin(any(), path, { kind: 'failover', force: true });
  assert.equal(forced['code'], 'DataLossNotAccepted');
});

test('while paused nobody takes over; after it another region does', async () => {
  const { primary, epoch } = await regions();
  const other = cluster.regionIds.find((id) => id !== primary) ?? '';
  await eventually(async () => (await regions()).members.length === 2, { deadlineMs: 60_000 });
  const paused = await cluster.admin(other, '/admin/pause', { durationMs: 60_000 });
  assert.equal(paused['httpStatus'], 202);
  await eventually(() => ended(String(paused['id'])));
  const pid = await cluster.signal(primary, 'meridian', 'SIGSTOP');
  try {
    await new Promise((resolve) => setTimeout(resolve, 9000));
    assert.equal((await regions(other)).epoch, epoch);
    await cluster.admin(other, '/admin/resume', {});
    const startedAt = performance.now();
    await eventually(async () => (await regions(other)).epoch > epoch, {
      deadlineMs: replacedWithinMs,
    });
    await eventually(() => canWrite(other), { deadlineMs: replacedWithinMs });
    console.log(`replaced ${Math.round(performance.now() - startedAt)} ms after the pause ended`);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await eventually(async () => (await regionOf(primary)).role === 'replica', {
    deadlineMs: 60_000,
  });
});

test('what was confirmed is in every region, once', async () => {
  isWriting = false;
  await Promise.allSettled(writing);
  const confirmed = [...outcomes].filter(([, outcome]) => outcome === 'confirmed');
  for (const region of cluster.regionIds) {
    let missing: string[] = [];
    await eventually(
      async () => {
        const sql = 'SELECT string_agg(id, $1) AS ids FROM entry';
        const options = { params: [' '], consistency: 'eventual' };
        const { body } = await cluster.query(region, sql, options);
        const found = new Set(String(body.rows?.[0]?.['ids'] ?? '').split(' '));
        missing = confirmed.map(([id]) => id).filter((id) => !found.has(id));
        return missing.length === 0;
      },
      { deadlineMs: 30_000, intervalMs: 300 },
    ).catch(() => assert.fail(`${region} lacks ${missing.slice(0, 5).join(', ')}`));
  }
});

testChangesByHand(() => cluster, primaryNow);

/** One write after the other through `region`; its outcome is noted. */
async function write(region: string): Promise<void> {
  while (isWriting) {
    const id = randomUUID();
    const sql = 'INSERT INTO entry VALUES ($1)';
    const outcome = await cluster.query(region, sql, { params: [id] }).then(
      ({ status, body }) => (status === 200 ? 'confirmed' : `${region} ${String(body.code)}`),
      (error: unknown) => `${region} ${String(error)}`,
    );
    outcomes.set(id, outcome);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function canWrite(region: string): Promise<boolean> {
  const sql = 'INSERT INTO entry VALUES ($1)';
  return (await cluster.query(region, sql, { params: [randomUUID()] })).status === 200;
}

interface Regions {
  readonly epoch: number;
  readonly primary: string;
  readonly members: readonly string[];
  readonly items: readonly { readonly id: string; readonly role: string }[];
}

async function regions(from = any()): Promise<Regions> {
  return (await cluster.admin(from, '/admin/regions')) as unknown as Regions;
}

async function primaryNow(): Promise<string> {
  return (await regions()).primary;
}

async function regionOf(id: string): Promise<{ readonly role: string }> {
  return (await cluster.admin(id, `/admin/regions/${id}`)) as unknown as { role: string };
}

/** The operation once it has ended, asked at whatever region answers. */
function ended(id: string): Promise<Record<string, unknown>> {
  return eventually(
    async () => {
      const operation = await cluster.admin(any(), `/admin/operations/${id}`).catch(() => null);
      const phase = operation?.['phase'];
      return phase === 'done' || phase === 'abandoned' ? operation : null;
    },
    { deadlineMs: 30_000 },
  );
}

function any(): string {
  return cluster.regionIds.at(-1) ?? '';
}
