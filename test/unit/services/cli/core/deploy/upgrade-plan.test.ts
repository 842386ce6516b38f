import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  planUpgrade,
  renderUpgradePlan,
} from '../../../../../../services/cli/core/deploy/upgrade-plan.ts';
import type {
  StatusDocument,
  StatusRegion,
} from '../../../../../../services/cli/core/status-document.ts';

function region(id: string, changes: Partial<StatusRegion> = {}): StatusRegion {
  return {
    ...{ id, name: id, role: 'replica', why: '', drift: [], epoch: 3, position: '3:0/1', lagMs: 5 },
    ...{ health: 'healthy', warnings: [], nodes: [], gatewayUrl: '', adminUrl: '', wireUrl: null },
    ...changes,
  };
}
const whole: StatusDocument = {
  ...{ cluster: 'c', epoch: 3, primary: 'eu-west', members: ['us-east', 'ap-south'] },
  k: 1,
  policyK: 1,
  ...{ lastChange: null, leaseRemainingMs: 4000 },
  change: null,
  controlLog: null,
  regions: [region('eu-west', { role: 'primary' }), region('us-east'), region('ap-south')],
};
const all = (version: string): ReadonlyMap<string, string> =>
  new Map(whole.regions.map(({ id }) => [id, version]));

test('the primary is the last, after a switchover to a member', () => {
  const plan = planUpgrade(whole, all('1.0.0'), '1.1.0');
  assert.deepEqual(plan.steps, [
    { region: 'us-east', from: '1.0.0', before: null },
    { region: 'ap-south', from: '1.0.0', before: null },
    { region: 'eu-west', from: '1.0.0', before: 'npx meridian switchover us-east' },
  ]);
  assert.deepEqual([plan.done, plan.blockers], [[], []]);
  assert.match(
    renderUpgradePlan(plan),
    /1\. exchange us-east \(1\.0\.0\)[^]*Nothing is in the way/,
  );
});

test('a region that runs the version is left out; one that does not say is not', () => {
  const plan = planUpgrade(whole, new Map([['us-east', '1.1.0']]), '1.1.0');
  assert.deepEqual(plan.done, ['us-east']);
  assert.deepEqual(
    plan.steps.map(({ region: id, from }) => [id, from]),
    [
      ['ap-south', null],
      ['eu-west', null],
    ],
  );
});

test('when all run it nothing is to be done, whatever their health', () => {
  const ill = { ...whole, regions: [region('eu-west', { health: 'degraded' })] };
  const plan = planUpgrade(ill, all('1.1.0'), '1.1.0');
  assert.deepEqual([plan.steps, plan.blockers], [[], []]);
  assert.equal(renderUpgradePlan(plan), 'Every region runs 1.1.0.');
});

const [eu, us, ap] = whole.regions as [StatusRegion, StatusRegion, StatusRegion];
for (const [name, status, blocker] of [
  ['ill', { regions: [eu, { ...us, health: 'degraded', why: 'x' }, ap] }, /us-east is degraded: x/],
  ['no member', { members: ['us-east'] }, /ap-south is no member/],
  ['no primary', { primary: null, members: [] }, /no primary/],
  [
    'a change',
    { change: { epoch: 4, kind: 'switchover', waitsFor: null, seals: [] } },
    /switchover is under way/,
  ],
  ['drift', { regions: [eu, us, { ...ap, drift: ['role x'] }] }, /ap-south differs: role x/],
] as const) {
  test(`in the way: ${name}`, () => {
    const plan = planUpgrade({ ...whole, ...status }, all('1.0.0'), '1.1.0');
    assert.match(plan.blockers.join('\n'), blocker);
    assert.match(renderUpgradePlan(plan), /Not now:/);
  });
}
