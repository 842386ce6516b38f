import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smoothWeighted } from '../../../../../../services/gateway/core/balance/smooth-weighted.ts';
import { candidates, choices } from '../../../../../helpers/balancing.ts';

test('weights 5, 1, 1 in the smooth order of nginx', () => {
  const chosen = choices(smoothWeighted, candidates(3, [5, 1, 1]), 7);
  assert.deepEqual(chosen, [0, 0, 1, 0, 2, 0, 0]);
});
