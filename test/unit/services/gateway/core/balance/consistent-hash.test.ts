import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  consistentHash,
  scoreOf,
} from '../../../../../../services/gateway/core/balance/consistent-hash.ts';
import { candidates } from '../../../../../helpers/balancing.ts';

test('a key stays where it is', () => {
  const draw = { first: 0.5, second: 0.5, key: 'user-7' };
  const { index } = consistentHash.choose(candidates(5), null, draw);
  assert.equal(consistentHash.choose(candidates(5), null, { ...draw, first: 0.1 }).index, index);
  const best = candidates(5).map((c) => scoreOf(c, 'user-7'));
  assert.equal(index, best.indexOf(Math.max(...best)));
});

test('an instance with more than its share is passed over', () => {
  const draw = { first: 0, second: 0, key: 'user-7' };
  const { index } = consistentHash.choose(candidates(3), null, draw);
  const busy = candidates(3).map((c, i) => ({ ...c, inFlight: i === index ? 10 : 1 }));
  assert.notEqual(consistentHash.choose(busy, null, draw).index, index);
});
