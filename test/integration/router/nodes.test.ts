/** The region's nodes: shares by weight, out and in again, and no read fails meanwhile. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NodeId } from '../../../shared/core/node.ts';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster } from '../../helpers/router.ts';

let cluster: RouterCluster;
const [own, heavy, light] = ['eu-west/pg-1', 'eu-west/pg-2', 'eu-west/pg-3'] as [
  NodeId,
  NodeId,
  NodeId,
];

before(async () => {
  cluster = await RouterCluster.start({
    regions: ['eu-west'],
    standbys: 2,
    router: {
      reads: { algorithm: 'weighted-round-robin', weights: { [heavy]: 3, [light]: 1 } },
      health: { intervalMs: 50, slowStartMs: 0 },
    },
  });
});

after(async () => {
  await cluster?.stop();
});

/** How many of `count` reads each node served; every one must succeed. */
async function shares(count: number): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (let n = 0; n < count; n += 1) {
    const answer = await cluster.query('eu-west', 'SELECT 1', { consistency: 'eventual' });
    assert.equal(answer.status, 200, answer.text);
    const node = answer.headers.get('meridian-served-by') ?? '';
    found[node] = (found[node] ?? 0) + 1;
  }
  return found;
}

async function healthy(count: number): Promise<void> {
  await eventually(async () => {
    const { checks } = await cluster.region('eu-west').router.readiness();
    return checks.some(({ detail }) => detail.startsWith(`${count} of 3 healthy`));
  });
}

test('reads go round by weight; the own node of the primary only helps out', async () => {
  assert.deepEqual(await shares(40), { [heavy]: 30, [light]: 10 });
});

test('trap 59: every standby is restarted, no read fails', async () => {
  const { nodes } = cluster.region('eu-west');
  let isReading = true;
  const reading = (async () => {
    const seen = new Set<string>();
    while (isReading) for (const node of Object.keys(await shares(5))) seen.add(node);
    return seen;
  })();
  await nodes.stop(heavy);
  await healthy(2);
  assert.deepEqual(await shares(10), { [light]: 10 });
  await nodes.stop(light);
  await healthy(1);
  assert.deepEqual(await shares(10), { [own]: 10 });
  for (const node of [heavy, light]) await nodes.start(node, 'standby', own);
  await healthy(3);
  isReading = false;
  assert.ok((await reading).size === 3);
  assert.deepEqual(await shares(40), { [heavy]: 30, [light]: 10 });
});
