// test: alone deadline 300 s
/** The leader of the control log, where records take longest, is moved while writes go on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { moveLeader } from '../../../shared/kafka/leadership.ts';
import { describePlacement, type QuorumTarget } from '../../../shared/kafka/quorum.ts';
import { quorumTarget } from '../../../shared/kafka/quorum-target.ts';
import { controlTopicOf } from '../../../shared/kafka/topic.ts';
import { WriteLoop } from '../../helpers/bench/failover/write-loop.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

const topic = controlTopicOf('main');
let cluster: TestCluster;

before(async () => {
  // Real distances: Mumbai is the end from which the others are farthest.
  cluster = await TestCluster.start({ isWan: true });
  await cluster.query('eu-west', 'CREATE TABLE bench_write (id text)');
});

after(async () => {
  await cluster?.remove();
});

test('the leader goes back to the middle, and no write fails', { timeout: 120_000 }, async () => {
  const at = brokerOf('eu-west');
  const before = await describePlacement(at, topic);
  const middle = cluster.region('eu-west').kafka.nodeId;
  const far = cluster.region('ap-south').kafka.nodeId;
  const loop = await WriteLoop.start(cluster, cluster.regionIds);
  try {
    await moveLeader(at, topic, { nodeId: far, replicas: before.replicas });
    await eventually(async () => (await leader()) === far, { deadlineMs: 10_000 });
    await eventually(async () => (await leader()) === middle, { deadlineMs: 60_000 });
  } finally {
    await loop.end();
  }
  assert.deepEqual([loop.count('refused'), loop.count('unknown')], [0, 0]);
  const after = await describePlacement(at, topic);
  assert.deepEqual(after.replicas.toSorted(), before.replicas.toSorted());
});

async function leader(): Promise<number> {
  return (await describePlacement(brokerOf('us-east'), topic)).leader;
}

function brokerOf(region: string): QuorumTarget {
  const place = { region: cluster.region(region), secrets: cluster.secrets(region) };
  return { ...quorumTarget(place, 'test'), host: place.region.bind };
}
