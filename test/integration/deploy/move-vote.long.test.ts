// test: deadline 300 s
/**
 * Kafka's nodes of four regions in mode tls, three of them with a vote: a vote goes to the fourth
 * by `give-vote` and `move-vote`, and counts there. Nothing but Kafka runs.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { quorumTarget } from '../../../shared/kafka/quorum-target.ts';
import { keepKafkaAccess } from '../../../services/local/kafka-access.ts';
import { createKafkaProcess } from '../../../services/local/parts/kafka.ts';
import type { ManagedProcess } from '../../../services/local/process/managed-process.ts';
import { openRegionContext, type RegionContext } from '../../../services/local/region-context.ts';
import { localRegionPaths } from '../../../services/local/region-paths.ts';
import { loadClusterFile } from '../../../shared/config/load.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { controlTopicShape, ensureTopic } from '../../../shared/kafka/admin.ts';
import { describePlacement, describeQuorum, placeReplicas } from '../../../shared/kafka/quorum.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { eventually } from '../../helpers/eventually.ts';
import { SecuredHosts } from '../security/hosts.ts';

const regions = ['eu-west', 'us-east', 'ap-south', 'ca-central'] as const;
const [giver, taker] = ['ap-south', 'ca-central'] as const;
const topic = 'meridian.main.control';
const waiting = { deadlineMs: 120_000, intervalMs: 250 };
const logger = createLogger({ service: 'test', region: 'eu-west', level: 'silent' });
const ending = new AbortController();
const nodes = new Map<string, ManagedProcess>();
const contexts = new Map<string, RegionContext>();
let hosts: SecuredHosts;

before(async () => {
  hosts = await SecuredHosts.make(regions);
  await Promise.all(regions.map((id) => start(id)));
  await Promise.all(regions.map((id) => untilRunning(id)));
  const first = contextOf('eu-west');
  void keepKafkaAccess(first, ending.signal);
  const brokers = regions.map((id) => `${contextOf(id).region.host}:9092`);
  const shape = controlTopicShape(first.cluster.regions.map(({ kafka }) => kafka));
  const target = { brokers, clientId: 'test', topic, logger, clock: systemClock };
  await eventually(
    () =>
      ensureTopic(target, shape).then(
        () => true,
        () => false,
      ),
    waiting,
  );
});

after(async () => {
  ending.abort();
  await Promise.all([...nodes.values()].map((node) => node.stop()));
  await hosts?.remove();
});

function contextOf(id: string): RegionContext {
  const context = contexts.get(id);
  assert.ok(context !== undefined);
  return context;
}

/** Starts the Kafka node of `id` with the files that are on its host now. */
async function start(id: string): Promise<void> {
  const clusterFile = hosts.fileOf(id, 'meridian.yaml');
  const context = await openRegionContext({
    cluster: loadClusterFile(clusterFile, clusterConfigSchema, {}),
    clusterFile,
    region: id as RegionId,
    secrets: hosts.secrets(id),
    paths: localRegionPaths(join(hosts.folder, id, 'data'), id),
    logger,
  });
  contexts.set(id, context);
  const node = createKafkaProcess(context);
  nodes.set(id, node);
  node.start();
}

async function untilRunning(id: string): Promise<void> {
  await eventually(() => nodes.get(id)?.state().phase === 'running', waiting);
}

async function restart(id: string): Promise<void> {
  await nodes.get(id)?.stop();
  await start(id);
  await untilRunning(id);
}

/** Who votes, by region, and who holds the control log, as the broker of `id` says. */
async function seenAt(id: string): Promise<{ voters: string[]; holders: string[] }> {
  const context = contextOf(id);
  const target = quorumTarget(context, 'test');
  const nameOf = (nodeId: number): string =>
    context.cluster.regions.find(({ kafka }) => kafka.nodeId === nodeId)?.id ?? '';
  const { voters } = await describeQuorum(target);
  const { replicas } = await describePlacement(target, topic);
  return {
    voters: voters.map(({ nodeId }) => nameOf(nodeId)).sort(),
    holders: replicas.map(nameOf).sort(),
  };
}

const moveVote = ['region', 'move-vote', taker, '--from', giver];
const old = ['ap-south', 'eu-west', 'us-east'];
const moved = ['ca-central', 'eu-west', 'us-east'];

test('a file in which the fourth region has the vote; by the old one nothing moves', async () => {
  const output = join(hosts.folder, 'moved');
  const give = (to: string) => ['region', 'give-vote', to, '--from', giver, '--output', output];
  assert.equal((await hosts.run('eu-west', give('us-east'))).code, 2);
  const made = await hosts.run('eu-west', give(taker));
  assert.equal(made.code, 0, made.err);
  assert.equal((await hosts.run('eu-west', moveVote)).code, 2);
  assert.deepEqual(await seenAt('eu-west'), { voters: old, holders: old });
});

test('one that starts with the file before its vote has moved keeps it', async () => {
  hosts.bring(giver, 'moved');
  await restart(giver);
  assert.equal(nodes.get(giver)?.state().restarts, 0);
  assert.deepEqual(await seenAt(giver), { voters: old, holders: old });
  await nodes.get('us-east')?.stop();
  await eventually(async () => {
    const { leaderId } = await describeQuorum(quorumTarget(contextOf(giver), 'test'));
    return leaderId !== contextOf('us-east').region.kafka.nodeId;
  }, waiting);
  assert.deepEqual((await seenAt(giver)).voters, old, 'two of three decide, the giver one of them');
  await start('us-east');
  await untilRunning('us-east');
});

test('while another voter is away no vote moves', async () => {
  hosts.bring(taker, 'moved');
  await restart(taker);
  await nodes.get('us-east')?.stop();
  const refused = await eventually(async () => {
    const { code, err } = await hosts.run(taker, moveVote);
    return code === 3 ? err : null;
  }, waiting);
  assert.match(refused, /No vote is moved: us-east does not follow/);
  await start('us-east');
  await untilRunning('us-east');
});

test('the vote and the copy of the control log move; moved again, it is done', async () => {
  const { code, err } = await eventually(async () => {
    const result = await hosts.run(taker, moveVote);
    return result.code === 3 ? null : result;
  }, waiting);
  assert.equal(code, 0, err);
  assert.deepEqual(await seenAt(taker), { voters: moved, holders: moved });
  assert.equal((await hosts.run(taker, moveVote)).code, 0);
});

test('the one that gave its vote starts as a broker and holds no control log', async () => {
  await restart(giver);
  await eventually(() => !hosts.topics(giver).includes(topic), waiting);
  assert.deepEqual(await seenAt(giver), { voters: moved, holders: moved });
});

test('the new vote counts: without the giver and an old voter, two decide', async () => {
  for (const id of [giver, 'eu-west']) await nodes.get(id)?.stop();
  const left = ['us-east', taker].map((id) => contextOf(id).region.kafka.nodeId);
  await eventually(async () => {
    await placeReplicas(quorumTarget(contextOf(taker), 'test'), topic, left).catch(() => undefined);
    const { holders } = await seenAt(taker).catch(() => ({ holders: [] }));
    return holders.join() === [taker, 'us-east'].join();
  }, waiting);
});
