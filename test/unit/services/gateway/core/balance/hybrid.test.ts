import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hybrid } from '../../../../../../services/gateway/core/balance/hybrid.ts';
import { candidates } from '../../../../../helpers/balancing.ts';

test('a round visits everybody once', () => {
  const draw = { first: 0.6, second: 0, key: '' };
  const first = hybrid.choose(candidates(3), hybrid.initial, draw);
  assert.equal(first.index, 1);
  assert.deepEqual(first.state, ['u0', 'u2']);
  const second = hybrid.choose(candidates(3), first.state, draw);
  assert.equal(second.index, 2);
});

test('a round goes on without a candidate that has left', () => {
  const draw = { first: 0, second: 0, key: '' };
  assert.equal(hybrid.choose(candidates(2), ['u7', 'u1'], draw).index, 1);
  assert.equal(hybrid.choose(candidates(2), ['u7'], draw).index, 0, 'a new round begins');
});
