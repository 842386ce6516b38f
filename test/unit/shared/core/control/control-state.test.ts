import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';

test('before the first record there is no primary, no member and no policy', () => {
  const { epoch, primary, members, policy, prepare, history } = initialControlState;
  assert.deepEqual([epoch, primary, policy, prepare], [0, null, null, null]);
  assert.deepEqual([members, history], [[], []]);
});

test('before the first policy a COMMIT would wait for one member', () => {
  assert.deepEqual([initialControlState.k, initialControlState.kLow], [1, 1]);
});
