// test: alone deadline 600 s
/**
 * K8: somebody deletes the control topic, and later another one of its name is there with as many
 * records. Nothing is confirmed and nobody is promoted until a person rescues a region, which has
 * all that was confirmed.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { clusterPaths, localRegionPaths } from '../../services/local/region-paths.ts';
import { kafkaPlaces } from '../../shared/config/cluster-schema.ts';
import { controlTopicShape, ensureTopic } from '../../shared/kafka/admin.ts';
import { createControlLog } from '../../shared/kafka/control-log.ts';
import { controlTopicOf } from '../../shared/kafka/topic.ts';
import { installHostResolver } from '../../shared/runtime/host-resolver.ts';
import { systemClock } from '../../shared/runtime/system-clock.ts';
import { TestCluster, type DataAnswer } from '../helpers/cluster.ts';
import { asRegion } from '../helpers/cluster/as-region.ts';
import { runVerb, startAgent, type VerbEnd } from '../helpers/cluster/verbs.ts';
import { eventually } from '../helpers/eventually.ts';
import { deleteControlTopic } from './run/kafka-roles.ts';

const written = 20;
const agents: ChildProcess[] = [];
let cluster: TestCluster;
let first: string;

before(async () => {
  cluster = await TestCluster.start({ nodesPerRegion: 1 });
  first = cluster.regionIds[0] ?? '';
});

after(async () => {
  await cluster?.remove();
  for (const agent of agents) agent.kill('SIGKILL');
});

test('every region says that the topic is gone, and none makes it again', async () => {
  assert.equal((await write('semi-sync', 'CREATE TABLE entry (id int PRIMARY KEY)')).status, 200);
  for (let id = 1; id <= written; id += 1) assert.equal((await insert(id)).status, 200);
  const deletedAt = performance.now();
  await deleteControlTopic(cluster);
  await eventually(() => allSay(/topics.*was deleted.*meridian rescue/), { deadlineMs: 30_000 });
  await eventually(async () => (await insert(written + 1)).status !== 200, { deadlineMs: 30_000 });
  console.log(`refused ${Math.round((performance.now() - deletedAt) / 1000)} s after the deletion`);
  await eventually(async () => (await readable()) >= cluster.regionIds.length - 1);
});

test('a start finds it gone, too, and begins nothing anew', async () => {
  await restartAll();
  await eventually(() => allSay(/topics.*was deleted/), { deadlineMs: 60_000 });
  assert.notEqual((await insert(written + 2)).status, 200);
});

test('another topic of its name, with as many records, is not taken for it', async () => {
  await asRegion(cluster, first, fillAnotherTopic);
  const before = await restarts();
  await eventually(
    async () => {
      assert.notEqual((await insert(written + 3)).status, 200);
      const now = await restarts();
      return now.every((count, index) => count >= (before[index] ?? 0) + 2);
    },
    { deadlineMs: 120_000, intervalMs: 500 },
  );
});

test('the region that was primary is rescued with all that was confirmed', async () => {
  for (const id of cluster.regionIds) await cluster.stopRegion(id);
  const done = await meridian('rescue', first, '--accept-data-loss', '--yes');
  assert.equal(done.code, 0, done.err);
  cluster.reload();
  const { authorityFolder } = clusterPaths(cluster.stateFolder);
  const { secretsFile } = localRegionPaths(cluster.stateFolder, first);
  const renewed = await meridian(
    'certificates',
    'renew',
    secretsFile,
    '--authority',
    authorityFolder,
  );
  assert.equal(renewed.code, 0, renewed.err);
  agents.push(startAgent(cluster.stateFolder, first));
  const sql = 'INSERT INTO entry VALUES (1000) ON CONFLICT DO NOTHING';
  await eventually(async () => (await write('logged', sql)).status === 200, {
    deadlineMs: 120_000,
    intervalMs: 500,
  });
  const counted = await cluster.query(
    first,
    `SELECT count(*)::int AS n FROM entry WHERE id <= ${written}`,
  );
  assert.equal(counted.body.rows?.[0]?.['n'], written);
});

/** As a person would who knows no better; longer than the one that was deleted. */
async function fillAnotherTopic(): Promise<void> {
  installHostResolver(cluster.config.hosts);
  const target = {
    brokers: cluster.config.regions.map(({ bind, kafka }) => `${bind}:${kafka.clientPort}`),
    clientId: 'fault',
    topic: controlTopicOf(cluster.config.cell),
    logger: pino({ level: 'silent' }),
    clock: systemClock,
  };
  const shape = controlTopicShape(kafkaPlaces(cluster.config).map(({ kafka }) => kafka));
  await ensureTopic(target, shape);
  const log = createControlLog(target);
  try {
    const record = { kind: 'pause', durationMs: 1, operation: null } as const;
    let end = 0n;
    while (end < 1000n) end = await log.append(record).catch(() => end);
  } finally {
    log.close();
  }
}

async function restartAll(): Promise<void> {
  const before = await restarts();
  for (const id of cluster.regionIds) await cluster.signal(id, 'meridian', 'SIGKILL');
  await eventually(
    async () => (await restarts()).every((count, index) => count > (before[index] ?? 0)),
    { deadlineMs: 60_000 },
  );
}

function restarts(): Promise<number[]> {
  return Promise.all(
    cluster.regionIds.map(async (id) => {
      const { processes } = await cluster.agentState(id);
      return processes.find(({ name }) => name === 'meridian')?.restarts ?? 0;
    }),
  );
}

/** Whether the readiness of every region is as `said`. */
async function allSay(said: RegExp): Promise<boolean> {
  const texts = await Promise.all(
    cluster.regionIds.map(async (id) => {
      const answer = await cluster.admin(id, '/health/ready').catch(() => null);
      return JSON.stringify(answer);
    }),
  );
  return texts.every((one) => said.test(one));
}

/** In how many regions `eventual` reads are answered. */
async function readable(): Promise<number> {
  const answers = await Promise.all(
    cluster.regionIds.map((id) =>
      cluster.query(id, 'SELECT 1', { consistency: 'eventual' }).catch(() => null),
    ),
  );
  return answers.filter((answer) => answer?.status === 200).length;
}

function insert(id: number): Promise<DataAnswer> {
  return write('semi-sync', `INSERT INTO entry VALUES (${id}) ON CONFLICT DO NOTHING`);
}

function write(durability: string, sql: string): Promise<DataAnswer> {
  return cluster
    .query(first, sql, { headers: { 'meridian-durability': durability } })
    .catch((error: unknown) => {
      const body = { detail: String(error) };
      return { status: 0, headers: new Headers(), body };
    });
}

function meridian(...words: readonly string[]): Promise<VerbEnd> {
  return runVerb(cluster.stateFolder, ...words);
}
