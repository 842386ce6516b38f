import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockersOf } from '../../../../../../services/cli/core/deploy/upgrade-blockers.ts';
import type {
  StatusDocument,
  StatusRegion,
} from '../../../../../../services/cli/core/status-document.ts';

function region(id: string): StatusRegion {
  return {
    ...{ id, name: id, role: 'replica', why: '', drift: [], epoch: 3, position: '3:0/1', lagMs: 5 },
    ...{ health: 'healthy', warnings: [], gatewayUrl: '', adminUrl: '', wireUrl: null },
    ...{ version: '1.0.0', broker: { version: '4.0.1', outOfSync: [] }, nodes: [] },
  };
}

const regions = [region('eu-west'), region('us-east'), region('ap-south')] as const;
const [eu, us, ap] = regions;
const rules = { inForce: 1, known: { 'eu-west': 1, 'us-east': 1, 'ap-south': 1 } };
const whole: StatusDocument = {
  ...{ cluster: 'c', epoch: 3, primary: 'eu-west', members: ['us-east', 'ap-south'], regions },
  ...{ k: 1, policyK: 1, rules, change: null, lastChange: null, leaseRemainingMs: 4000 },
  controlLog: null,
};
const wanted = { meridian: '1.1.0', maxRules: 2 };

test('a cluster that is whole: nothing is in the way', () => {
  assert.deepEqual(blockersOf(whole, wanted), []);
});

test('what a version before does not say is let pass', () => {
  const silent = { ...us, version: null, broker: null };
  const status = { ...whole, rules: null, regions: [eu, silent, ap] };
  assert.deepEqual(blockersOf(status, wanted), []);
});

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
  ['lag', { regions: [eu, us, { ...ap, lagMs: 2001 }] }, /ap-south lags 2001 ms/],
  ['fewer confirmations', { k: 0 }, /semi-sync waits for 0 regions instead of 1/],
  ['a control log that decides nothing', { controlLog: 'no majority' }, /no majority/],
  [
    'a copy behind',
    { regions: [eu, { ...us, broker: { version: '4.0.1', outOfSync: ['ap-south'] } }, ap] },
    /ap-south's copy of the control log is not in sync/,
  ],
  ['rules not known there', { rules: { ...rules, inForce: 2 } }, /us-east has not said/],
  [
    'rules not known here',
    { rules: { inForce: 3, known: { 'eu-west': 3, 'us-east': 3, 'ap-south': 3 } } },
    /^rules 3 are in force, and 1\.1\.0 knows no more than 2$/,
  ],
] as const) {
  test(`in the way: ${name}`, () => {
    assert.match(blockersOf({ ...whole, ...status }, wanted).join('\n'), blocker);
  });
}
