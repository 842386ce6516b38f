import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldedPart, roles } from '../../../../shared/core/cluster-view.ts';
import { initialControlState } from '../../../../shared/core/control/control-state.ts';
import { eu, foldAll, inEpochOne, record, us } from '../../../helpers/control-records.ts';

test('roles are told apart by name', () => {
  assert.equal(new Set(roles).size, roles.length);
});

test('before any record nobody is primary and one confirmation is asked for', () => {
  const view = foldedPart(initialControlState);
  assert.deepEqual([view.epoch, view.primary, view.k, view.policyK], [0, null, 1, 1]);
});

test('the K in force and the K of the policy are told apart', () => {
  const state = foldAll([record.degrade(1, 1, 0)], inEpochOne([us])).state;
  const view = foldedPart(state);
  assert.deepEqual([view.k, view.policyK], [0, 1]);
  assert.deepEqual([view.epoch, view.primary], [1, eu]);
  assert.deepEqual(view.members, [{ region: us, store: 'us-east-store' }]);
  assert.equal(view.history.length, 1);
});

test('an open change of primary is shown', () => {
  const change = record.prepare(2, { change: 'switchover', preferred: us });
  const view = foldedPart(foldAll([change], inEpochOne([us])).state);
  assert.equal(view.prepare?.epoch, 2);
  assert.deepEqual([view.prepare.change, view.prepare.preferred], ['switchover', us]);
  assert.deepEqual([view.epoch, view.primary], [1, eu]);
});
