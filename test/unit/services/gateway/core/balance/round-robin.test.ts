import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundRobin } from '../../../../../../services/gateway/core/balance/round-robin.ts';
import { candidates, choices } from '../../../../../helpers/balancing.ts';

test('one after the other, round and round', () => {
  assert.deepEqual(choices(roundRobin, candidates(3), 7), [0, 1, 2, 0, 1, 2, 0]);
});

test('a candidate that goes away leaves no hole', () => {
  assert.equal(roundRobin.choose(candidates(2), 5, { first: 0, second: 0, key: '' }).index, 1);
});
