import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addChanges,
  planAdd,
  planRemove,
  type ClusterPlaces,
} from '../../../../../../services/cli/core/deploy/region-plan.ts';

const place = (id: string, bind: string, nodeId: number) => ({
  ...{ id, host: `${id}.meridian.internal`, bind },
  kafka: { nodeId, isVoter: nodeId < 1000 },
});
const cluster: ClusterPlaces = {
  regions: [
    place('eu-west', '10.0.0.1', 1),
    place('us-east', '10.0.0.2', 2),
    place('ap-south', '10.0.0.3', 3),
    place('ca-central', '10.0.0.4', 1000),
  ],
  witnesses: [],
  policy: { priority: ['us-east', 'ca-central', 'eu-west', 'ap-south'] },
};

test('one more region gets a node id that nobody has, and its place on the map', () => {
  const plan = planAdd(cluster, 'sa-east=10.0.0.5', 0);
  assert.ok(plan.kind === 'plan');
  assert.equal(plan.nodeId, 1001);
  assert.deepEqual([plan.region.name, plan.region.bind], ['Sao Paulo', '10.0.0.5']);
  assert.deepEqual(addChanges(cluster, plan.region, { id: 'sa-east' }), [
    [['regions', 4], { id: 'sa-east' }],
    [['policy', 'priority', 4], 'sa-east'],
    [['hosts', 'sa-east.meridian.internal'], '10.0.0.5'],
  ]);
});

test('a host that a resolver knows is not named in the file', () => {
  const plan = planAdd(cluster, 'sa-east=host5.example', 0.5);
  assert.ok(plan.kind === 'plan');
  assert.equal(addChanges(cluster, plan.region, {}).length, 2);
});

for (const [name, text, why] of [
  ['a region that is there', 'eu-west=10.0.0.9', /eu-west is in the cluster file/],
  ['a host that is taken', 'sa-east=10.0.0.2', /us-east has that host/],
  ['no host', 'sa-east', /neither a host name/],
] as const) {
  test(`not added: ${name}`, () => {
    const plan = planAdd(cluster, text, 0);
    assert.ok(plan.kind === 'refused');
    assert.match(plan.why, why);
  });
}

test('a region is removed with its rank and its address', () => {
  assert.deepEqual(planRemove(cluster, 'ca-central'), {
    kind: 'plan',
    paths: [
      ['regions', 3],
      ['policy', 'priority', 1],
      ['hosts', 'ca-central.meridian.internal'],
    ],
  });
});

test('a voter stays, and an unknown region cannot leave', () => {
  const voter = planRemove(cluster, 'eu-west');
  assert.match(voter.kind === 'refused' ? voter.why : '', /has a vote/);
  const unknown = planRemove(cluster, 'sa-east');
  assert.match(unknown.kind === 'refused' ? unknown.why : '', /no region sa-east/);
});
