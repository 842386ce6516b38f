// test: alone deadline 600 s
/**
 * N20: two of three regions are gone for good, and with them the control log. What is left is
 * rescued, serves and writes again as a new cluster; regions of the old one are refused until
 * their data are set aside, and are then seeded.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { clusterPaths, localRegionPaths } from '../../services/local/region-paths.ts';
import { TestCluster, type DataAnswer } from '../helpers/cluster.ts';
import { runVerb, startAgent, type VerbEnd } from '../helpers/cluster/verbs.ts';
import { eventually } from '../helpers/eventually.ts';

const [first, second, survivor] = ['eu-west', 'us-east', 'ap-south'] as const;
const written = 50;
const agents: ChildProcess[] = [];
let cluster: TestCluster;
let oldPosition = '';

before(async () => {
  cluster = await TestCluster.start({ nodesPerRegion: 1 });
});

after(async () => {
  await cluster?.remove();
  for (const agent of agents) agent.kill('SIGKILL');
});

test('without a majority the survivor serves reads and confirms nothing', async () => {
  await confirmed(first, 'CREATE TABLE entry (id int PRIMARY KEY)');
  for (let id = 1; id <= written; id += 1) {
    const answer = await confirmed(first, `INSERT INTO entry VALUES (${id})`);
    oldPosition = answer.headers.get('meridian-position') ?? '';
  }
  await eventually(async () => (await countAt(survivor)) === written, { deadlineMs: 60_000 });
  await Promise.all([cluster.killRegion(first), cluster.killRegion(second)]);
  assert.equal(await countAt(survivor), written);
  const { status } = await write(survivor, 'logged', -1);
  assert.notEqual(status, 200);
});

test('a rescue is refused while it is none, and without a word on the loss', async () => {
  const running = await meridian('rescue', survivor, '--accept-data-loss', '--yes');
  assert.deepEqual([running.code, /is running/.test(running.err)], [3, true], running.err);
  await cluster.stopRegion(survivor);
  const file = clusterFile();
  const dry = await meridian('rescue', survivor, '--dry-run');
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.err, /holds everything up to 1:/);
  const silent = await meridian('rescue', survivor, '--yes');
  assert.deepEqual([silent.code, clusterFile()], [3, file], silent.err);
});

test('the rescued region has every write it applied and takes new ones', async () => {
  const done = await meridian('rescue', survivor, '--accept-data-loss', '--yes');
  assert.equal(done.code, 0, done.err);
  cluster.reload();
  const refused = await meridian('region', 'up', survivor);
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /certificate of ap-south is not of this cluster/);
  const { authorityFolder } = clusterPaths(cluster.stateFolder);
  const files = cluster.regionIds.map(
    (id) => localRegionPaths(cluster.stateFolder, id).secretsFile,
  );
  const renew = ['certificates', 'renew', ...files, '--authority', authorityFolder];
  const renewed = await meridian(...renew);
  assert.equal(renewed.code, 0, renewed.err);
  agents.push(startAgent(cluster.stateFolder, survivor));
  const startedAt = performance.now();
  await eventually(async () => (await write(survivor, 'logged', 1000)).status === 200, {
    deadlineMs: 120_000,
    intervalMs: 500,
  });
  console.log(
    `writes again ${Math.round((performance.now() - startedAt) / 1000)} s after its start`,
  );
  assert.equal(await countAt(survivor), written + 1);
  const headers = { 'meridian-position': oldPosition };
  const old = await cluster.query(survivor, 'SELECT 1', { headers });
  assert.notEqual(old.status, 200, 'a position of the old cluster means nothing here');
  const { items } = await cluster.admin(survivor, '/admin/history');
  const told = (items as { isForced: boolean; from: string; why: string }[]).find(({ why }) =>
    /rescued by a person/.test(why),
  );
  assert.deepEqual([told?.isForced, told?.from], [true, first]);
});

test('a region of the old cluster is refused until its data are set aside', async () => {
  for (const id of [first, second]) {
    const refused = await meridian('region', 'up', id);
    assert.notEqual(refused.code, 0);
    assert.match(refused.err + refused.out, /belongs to region/);
  }
  const aside = await meridian('reseed', first, '--yes');
  assert.equal(aside.code, 0, aside.err);
  agents.push(startAgent(cluster.stateFolder, first));
  await eventually(async () => (await write(survivor, 'semi-sync', 2000)).status === 200, {
    deadlineMs: 180_000,
    intervalMs: 1000,
  });
  await eventually(async () => (await countAt(first)) === written + 2, { deadlineMs: 60_000 });
});

async function confirmed(region: string, sql: string): Promise<DataAnswer> {
  const answer = await cluster.query(region, sql);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer;
}

function write(region: string, durability: string, id: number): Promise<DataAnswer> {
  const sql = `INSERT INTO entry VALUES (${id}) ON CONFLICT DO NOTHING`;
  return cluster
    .query(region, sql, { headers: { 'meridian-durability': durability } })
    .catch((error: unknown) => {
      const body = { detail: String(error) };
      return { status: 0, headers: new Headers(), body };
    });
}

async function countAt(region: string): Promise<number> {
  const sql = 'SELECT count(*)::int AS n FROM entry';
  const answer = await cluster.query(region, sql, { consistency: 'eventual' }).catch(() => null);
  return Number(answer?.body.rows?.[0]?.['n'] ?? -1);
}

function clusterFile(): string {
  return readFileSync(clusterPaths(cluster.stateFolder).clusterFile, 'utf8');
}

function meridian(...words: readonly string[]): Promise<VerbEnd> {
  return runVerb(cluster.stateFolder, ...words);
}
