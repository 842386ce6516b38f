import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  refused,
  refusedUnopened,
} from '../../../../../../services/failover/core/operator/refusal.ts';

test('a refusal names its reason, what to do, and what is under way if anything is', () => {
  const common = { kind: 'refused', code: 'RequestInvalid', why: 'because', hint: 'do this' };
  const refusal = refused('RequestInvalid', 'because', { hint: 'do this' });
  assert.deepEqual(refusal, { ...common, operationId: null });
  const running = refused('RequestInvalid', 'because', { hint: 'do this', operationId: 'o' });
  assert.deepEqual(running, { ...common, operationId: 'o' });
});

test('before the first epoch nothing is changed', () => {
  assert.match(refusedUnopened().why, /first epoch/);
});
