import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  planUpgrade,
  renderUpgradePlan,
  type Part,
  type WantedProgram,
} from '../../../../../../services/cli/core/deploy/upgrade-plan.ts';
import type {
  StatusDocument,
  StatusRegion,
} from '../../../../../../services/cli/core/status-document.ts';

const nodeOf = (id: string, version: string): StatusRegion['nodes'][number] => ({
  ...{ id: `${id}/pg-1`, kind: 'node', role: 'replica', position: null, healthy: true, version },
});

/** Runs 1.0.0, PostgreSQL 18.1 and Kafka 4.0.1. */
function region(id: string, changes: Partial<StatusRegion> = {}): StatusRegion {
  return {
    ...{ id, name: id, role: 'replica', why: '', drift: [], epoch: 3, position: '3:0/1', lagMs: 5 },
    ...{ health: 'healthy', warnings: [], gatewayUrl: '', adminUrl: '', wireUrl: null },
    ...{ version: '1.0.0', broker: { version: '4.0.1', outOfSync: [] } },
    nodes: [nodeOf(id, '18.1')],
    ...changes,
  };
}

function upgraded(id: string, changes: Partial<StatusRegion> = {}): StatusRegion {
  return region(id, {
    version: '1.1.0',
    broker: { version: '4.1.1', outOfSync: [] },
    nodes: [nodeOf(id, '18.4')],
    ...changes,
  });
}

const whole: StatusDocument = {
  ...{ cluster: 'c', epoch: 3, primary: 'eu-west', members: ['us-east', 'ap-south'] },
  k: 1,
  policyK: 1,
  rules: { inForce: 1, known: { 'eu-west': 1, 'us-east': 1, 'ap-south': 2 } },
  ...{ lastChange: null, leaseRemainingMs: 4000 },
  change: null,
  controlLog: null,
  regions: [region('eu-west', { role: 'primary' }), region('us-east'), region('ap-south')],
};
const wanted: WantedProgram = {
  ...{ meridian: '1.1.0', maxRules: 2 },
  parts: () => ({ postgres: '18.4', kafka: '4.1.1' }),
};
const all: readonly Part[] = ['meridian', 'postgres', 'kafka'];

test('the primary is the last, after a switchover to a member', () => {
  const plan = planUpgrade(whole, wanted);
  assert.deepEqual(plan.steps, [
    { region: 'us-east', from: '1.0.0', parts: all, before: null },
    { region: 'ap-south', from: '1.0.0', parts: all, before: null },
    {
      ...{ region: 'eu-west', from: '1.0.0', parts: all },
      before: 'npx meridian switchover us-east',
    },
  ]);
  assert.deepEqual([plan.done, plan.blockers], [[], []]);
  const lines = renderUpgradePlan(plan).split('\n');
  assert.match(lines[2] ?? '', /^STEP {2}REGION +MERIDIAN +POSTGRESQL +KAFKA +BEFORE$/);
  const versions = /1\.0\.0 → 1\.1\.0 +18\.1 → 18\.4 +4\.0\.1 → 4\.1\.1 +-$/;
  assert.match(lines[3] ?? '', /^1 +us-east /);
  assert.match(lines[3] ?? '', versions);
  assert.match(lines[5] ?? '', /^3 +eu-west .* npx meridian switchover us-east$/);
  assert.equal(lines.at(-1), 'Nothing is in the way.');
});

test('half-way: what is done is left out, and one that does not say is not', () => {
  const [eu, , ap] = whole.regions as [StatusRegion, StatusRegion, StatusRegion];
  const silent = { ...ap, version: null, broker: null, nodes: [] };
  const plan = planUpgrade({ ...whole, regions: [eu, upgraded('us-east'), silent] }, wanted);
  assert.deepEqual(plan.done, ['us-east']);
  assert.deepEqual(
    plan.steps.map(({ region: id, from, parts }) => [id, from, parts]),
    [
      ['ap-south', null, ['meridian']],
      ['eu-west', '1.0.0', all],
    ],
  );
  const lines = renderUpgradePlan(plan).split('\n');
  assert.match(lines[3] ?? '', /^done +us-east +1\.1\.0 +18\.4 +4\.1\.1 +-$/);
  assert.match(lines[4] ?? '', /^1 +ap-south +not known → 1\.1\.0 +not known +not known +-$/);
});

test('one part alone is exchanged by the same steps; nodes may differ', () => {
  const nodes = [nodeOf('us-east', '18.4'), nodeOf('us-east', '18.1')];
  const regions = [upgraded('eu-west'), upgraded('us-east', { nodes }), upgraded('ap-south')];
  const plan = planUpgrade({ ...whole, regions }, wanted);
  assert.deepEqual(plan.steps, [
    { region: 'us-east', from: '1.1.0', parts: ['postgres'], before: null },
  ]);
  assert.match(renderUpgradePlan(plan), /18\.1 and 18\.4 → 18\.4/);
});

test('parts that this program does not bring are left alone', () => {
  const meridianOnly = { ...wanted, parts: () => ({ postgres: null, kafka: null }) };
  const regions = whole.regions.map((one) => ({ ...one, version: '1.1.0+38a9cf8' }));
  assert.deepEqual(planUpgrade({ ...whole, regions }, meridianOnly).steps, []);
});

test('when all run it nothing is to be done, whatever their health', () => {
  const ill = { ...whole, regions: [upgraded('eu-west', { health: 'degraded' })] };
  const plan = planUpgrade(ill, wanted);
  assert.deepEqual([plan.steps, plan.blockers], [[], []]);
  assert.match(renderUpgradePlan(plan), /^Every region runs 1\.1\.0\.\n/);
});

const [eu, us, ap] = whole.regions as [StatusRegion, StatusRegion, StatusRegion];
for (const [name, status, blocker] of [
  ['ill', { regions: [eu, { ...us, health: 'degraded', why: 'x' }, ap] }, /us-east is degraded: x/],
  ['two versions at once', { regions: [eu, us, { ...ap, version: '1.3.0' }] }, /only neighbours/],
  [
    'another major version of PostgreSQL',
    { regions: [eu, us, { ...ap, nodes: [nodeOf('ap-south', '17.9')] }] },
    /ap-south runs PostgreSQL 17\.9: 18\.4 does not take its data over/,
  ],
] as const) {
  test(`in the way: ${name}`, () => {
    const plan = planUpgrade({ ...whole, ...status }, wanted);
    assert.match(plan.blockers.join('\n'), blocker);
    assert.match(renderUpgradePlan(plan), /Not now:/);
  });
}
